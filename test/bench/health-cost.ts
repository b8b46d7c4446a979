/**
 * What health checks cost: so many backends on loopback, each checked so often, and the processor time
 * of the process that checks them. The backends run in another process. Prints a table; nothing is
 * judged.
 *
 *     npm run bench:health -- [--backends 1000] [--interval 1s] [--seconds 10]
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";

import type { z } from "zod";

import { systemClock } from "#shared/base/clock.ts";
import { healthChecksMax } from "#shared/base/limits.ts";
import { healthcheckSchema } from "#shared/definition/healthcheck/healthcheck.ts";

import { createChecking } from "../../node-agent/health/create-checking.ts";
import { CheckGate } from "../../node-agent/health/gated-probe.ts";
import { HealthMonitor, type CheckedBackend } from "../../node-agent/health/health-monitor.ts";
import { NodeChecks } from "../../node-agent/health/node-checks.ts";
import type { ProbeDeps } from "../../node-agent/health/probe-of.ts";
import { NameLookup } from "../../node-agent/runtime/name-lookup.ts";
import { usualAuthorities } from "../../node-agent/runtime/usual-authorities.ts";
import { percentileOf } from "../support/percentile.ts";
import { testCertificate } from "../support/test-certificates.ts";
import { benchHosts } from "./bench-hosts.ts";

interface Ports {
  readonly echo: number;
  readonly tls: number;
  readonly http: number;
  readonly udp: number;
}

interface Case {
  readonly name: string;
  readonly check: z.input<typeof healthcheckSchema>;
  readonly port: number;
}

interface Cost {
  readonly checks: number;
  readonly failed: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly tookMs: readonly number[];
}

const { values } = parseArgs({
  options: {
    backends: { type: "string", default: "1000" },
    interval: { type: "string", default: "1s" },
    seconds: { type: "string", default: "10" },
  },
});
const { interval } = values;
const backendCount = Number(values.backends);
const measureMs = Number(values.seconds) * 1_000;
const clock = systemClock();

const backends = await startBackends();
try {
  console.log(
    `${backendCount} backends, one check each every ${interval}, for ${values.seconds} s`,
  );
  const head = ["check", "checks/s", "failed", "µs of CPU each", "of one core", "p50 ms", "p99 ms"];
  console.log(row(head));
  for (const one of casesOf(backends.ports)) console.log(row(cells(one, await measure(one))));
} finally {
  backends.process.kill();
}

function casesOf({ echo, tls, http, udp }: Ports): readonly Case[] {
  const exchange = { kind: "probe", send: "PING\\n", recv: "PING", interval } as const;
  const tlsTerms = { rootCa: { pem: testCertificate.cert }, serverName: "localhost" };
  return [
    { name: "ping", port: echo, check: { kind: "ping", interval } },
    { name: "probe tcp", port: echo, check: { ...exchange, protocol: "tcp" } },
    { name: "probe udp", port: udp, check: { ...exchange, protocol: "udp" } },
    { name: "http", port: http, check: { kind: "http", interval } },
    { name: "probe tls", port: tls, check: { ...exchange, protocol: "tls", tls: tlsTerms } },
  ];
}

/** Every backend has an address of its own in 127.0.0.0/8, as on a network. */
function targetsOf(port: number): readonly CheckedBackend[] {
  return benchHosts(backendCount).map((host) => ({
    name: `${host}:${port}`,
    host,
    port,
    isLive: true,
  }));
}

async function measure({ check, port }: Case): Promise<Cost> {
  const definition = healthcheckSchema.parse({ timeout: "5s", ...check });
  const checking = createChecking(probeDeps(), definition);
  const checks = new NodeChecks({ clock, random: Math.random });
  const tookMs: number[] = [];
  let failed = 0;
  const monitor = new HealthMonitor(
    {
      onFlip: () => undefined,
      checks: {
        watch: (what, target, onResult) =>
          checks.watch(what, target, (result) => {
            tookMs.push(result.tookMs);
            if (result.verdict !== "passed") failed += 1;
            onResult(result);
          }),
      },
    },
    checking,
  );
  monitor.sync(targetsOf(port));
  await pause(2_000);
  tookMs.length = failed = 0;
  const before = { cpu: process.cpuUsage(), atMs: clock.monotonicMs() };
  await pause(measureMs);
  const { user, system } = process.cpuUsage(before.cpu);
  const wallMs = clock.monotonicMs() - before.atMs;
  monitor.stop();
  return { checks: tookMs.length, failed, cpuMs: (user + system) / 1_000, wallMs, tookMs };
}

function probeDeps(): ProbeDeps {
  const gate = new CheckGate(healthChecksMax);
  return {
    clock,
    lookup: new NameLookup({ clock }).forSockets,
    authorities: usualAuthorities(),
    gates: { sockets: gate, programs: gate },
  };
}

function cells({ name }: Case, cost: Cost): readonly string[] {
  return [
    name,
    ((cost.checks / cost.wallMs) * 1_000).toFixed(0),
    `${cost.failed}`,
    ((cost.cpuMs / cost.checks) * 1_000).toFixed(0),
    `${((cost.cpuMs / cost.wallMs) * 100).toFixed(1)} %`,
    percentileOf(cost.tookMs, 0.5).toFixed(1),
    percentileOf(cost.tookMs, 0.99).toFixed(1),
  ];
}

function row(each: readonly string[]): string {
  return each.map((cell, index) => (index === 0 ? cell.padEnd(12) : cell.padStart(16))).join("");
}

async function startBackends(): Promise<{ process: ChildProcess; ports: Ports }> {
  const child = fork(new URL("health-cost-backends-main.ts", import.meta.url), [values.backends]);
  const [ports] = await once(child, "message");
  return { process: child, ports: portsOf(ports) };
}

/** Guarantee: `health-cost-backends-main.ts` sends its ports first, and nothing else. */
function portsOf(message: unknown): Ports {
  return message as Ports;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
