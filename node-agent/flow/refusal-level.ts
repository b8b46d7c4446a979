import type { CloseReason } from "../engine/engine.ts";

/** What strangers bring about by themselves, and what an owner has asked for. */
const ordinary: ReadonlySet<CloseReason> = new Set([
  "access-denied",
  "untrusted-proxy",
  "bad-hello",
  "hello-timeout",
  "name-refused",
  "handshake-failed",
  "handshake-timeout",
  "removed",
]);

/** What proxies that are trusted get wrong; that is for their owner to mend. */
const ofProxies: ReadonlySet<CloseReason> = new Set(["bad-proxy-header", "proxy-header-timeout"]);

/**
 * How loudly it is said that clients were turned away: by whose affair it is. Strangers can bring
 * about as much of `info` as they like; the rest is for whoever runs the balancer.
 *
 * @param detail which limit of single clients was reached; empty for the balancer's own
 */
export function refusalLevel(reason: CloseReason, detail: string): "info" | "warn" | "error" {
  if (ordinary.has(reason)) return "info";
  if (ofProxies.has(reason)) return "warn";
  if (reason === "limit-reached") return detail === "" ? "warn" : "info";
  return "error";
}
