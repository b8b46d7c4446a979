import type { Log } from "../runtime/log.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";
import { refusalLevel } from "./refusal-level.ts";

interface Line {
  readonly level: "info" | "warn" | "error";
  readonly text: string;
}

/** Errors are what clients notice through no fault of theirs, warnings what they would notice next. */
const lines: Readonly<Record<Exclude<DataPlaneEvent["kind"], "clients.turned-away">, Line>> = {
  "dials.failed": { level: "warn", text: "a backend could not be reached" },
  "accepts.failed": { level: "error", text: "connections could not be accepted" },
  "datagrams.dropped": { level: "warn", text: "datagrams were dropped" },
  "sessions.evicted": { level: "warn", text: "sessions were ended to make room for new ones" },
  "listener.lost": { level: "error", text: "a worker cannot listen; it will try again" },
  "listener.recovered": { level: "info", text: "all workers listen again" },
  "worker.lost": { level: "error", text: "a worker died" },
  "serving.halted": { level: "error", text: "no worker is left: nobody accepts" },
  "serving.resumed": { level: "info", text: "a worker is there again" },
  "worker.replaced": { level: "info", text: "a worker was replaced" },
  "backend.up": { level: "info", text: "a backend is healthy" },
  "backend.down": { level: "warn", text: "a backend is unhealthy" },
  "ejection.started": { level: "warn", text: "a backend is left out: dials to it failed" },
  "ejection.ended": { level: "info", text: "a backend is no longer left out" },
  "panic.started": { level: "error", text: "too few backends are healthy: all are used" },
  "panic.ended": { level: "info", text: "enough backends are healthy again" },
  "backend.drained": { level: "info", text: "a backend's time to drain is up" },
  "connections.cut": { level: "warn", text: "connections of a backend were cut" },
  "backends.changed": { level: "info", text: "the backends have changed" },
  "backends.left-out": { level: "warn", text: "there are more backends than can be used" },
  "backend.skipped": { level: "warn", text: "a backend's pattern for host names cannot be used" },
  "discovery.recovered": { level: "info", text: "the backends could be fetched again" },
  "discovery.skipped": { level: "warn", text: "a source names what cannot be a backend" },
  "discovery.failed": { level: "warn", text: "the backends could not be fetched" },
  "certificates.reloaded": { level: "info", text: "renewed certificates are shown from now on" },
  "certificates.failed": {
    level: "error",
    text: "certificates cannot be used; the ones before are",
  },
  "certificates.recovered": { level: "info", text: "certificates can be used again" },
  "certificates.expiring": { level: "warn", text: "a certificate comes to its end" },
  "balancer.drained": { level: "info", text: "a removed balancer has no connection left" },
};

function lineOf(event: DataPlaneEvent): Line {
  if (event.kind !== "clients.turned-away") return lines[event.kind];
  const { reason, detail } = event;
  return { level: refusalLevel(reason, detail), text: "clients were turned away" };
}

/** Writes one line for an event, with its fields. */
export function logEvent(log: Log, event: DataPlaneEvent): void {
  const { kind, ...fields } = event;
  const { level, text } = lineOf(event);
  log[level]({ event: kind, ...fields }, text);
}
