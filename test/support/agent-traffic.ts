import { readdirSync, readFileSync } from "node:fs";

import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";

import { entryFor } from "../node-agent/apply/balancers.ts";

/** An entry that serves one port of loopback from one backend there, unchecked. */
export function entryOn(
  id: string,
  route: { readonly port: number; readonly backend: number },
  over: Readonly<Record<string, unknown>> = {},
): SnapshotEntry {
  return entryFor(id, {
    bind: [`127.0.0.1:${route.port}`],
    healthcheck: { kind: "none" },
    discovery: { kind: "static", backends: [{ host: "127.0.0.1", port: route.backend }] },
    ...over,
  });
}

/** Descriptors that a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Memory of a process that is in RAM, in bytes. */
export function residentBytesOf(pid: number): number {
  const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (pages === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(pages) * 1024;
}

/** A number of one balancer among an agent's metrics, such as `rejected_total`. */
export async function balancerMetric(
  adminUrl: string,
  { balancer, metric }: { readonly balancer: string; readonly metric: string },
): Promise<number> {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  const row = new RegExp(
    `^midstream_agent_balancer_${metric}{balancer="${balancer}",.*} (.+)$`,
    "m",
  );
  const value = row.exec(page)?.[1];
  if (value === undefined) throw new Error(`no ${metric} of ${balancer}`);
  return Number(value);
}

/** Connections that an agent's status page shows as open. */
export async function activeConnections(adminUrl: string): Promise<number> {
  const answer: unknown = await (await fetch(`${adminUrl}/status.json`)).json();
  const { balancers } = answer as { balancers: readonly { activeConnections: number }[] };
  return balancers.reduce((sum, one) => sum + one.activeConnections, 0);
}
