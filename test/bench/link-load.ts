/**
 * The load check of the node link: a control plane with its own Postgres in one process, simulated
 * agents that verify and acknowledge in another, one tenant, one group. Prints how long it takes
 * until all are connected, how long from a write to "all serve it", and what the control plane
 * needs for it. No number is a gate.
 *
 *     npm run bench:link -- --nodes 1000 --changes 20 [--balancers 10] [--restart]
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { startControl, type ControlProcess } from "../support/control-process.ts";
import { percentileOf } from "../support/percentile.ts";
import type { Cleanup } from "../support/processes.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";
import { Agents } from "./agents.ts";
import { nowMs } from "./simulated-fleet.ts";

interface Size {
  readonly nodes: number;
  readonly changes: number;
  readonly balancers: number;
  readonly restart: boolean;
}

function sizeOf(args: readonly string[]): Size {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: "string", default: "1000" },
      changes: { type: "string", default: "20" },
      balancers: { type: "string", default: "10" },
      restart: { type: "boolean", default: false },
    },
  });
  const { nodes, changes, balancers, restart } = values;
  return { nodes: Number(nodes), changes: Number(changes), balancers: Number(balancers), restart };
}

async function main(size: Size): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  try {
    await measure(size, (run) => void undo.push(run));
  } finally {
    for (const run of undo.toReversed()) await run();
  }
}

async function measure(size: Size, cleanup: Cleanup): Promise<void> {
  console.log(`${size.nodes} nodes, ${size.balancers} balancers, ${size.changes} changes`);
  const args = ["--trusted-proxy", "127.0.0.0/8", "--log-level", "warn"];
  const control = await startControl(cleanup, { args });
  const tenant = await signUp(control.url);
  const balancers = await createBalancers(tenant, size.balancers);
  const agents = await joined(cleanup, { control, tenant, size });
  report("control, nodes joined", control);

  const startMs = nowMs();
  const current = await revisionOf(tenant);
  const openMs = await agents.connect();
  print("connected", [openMs - startMs]);
  print("all serve what there is", await since(startMs, agents.serving(current)));
  report("control, all connected", control);

  const all: number[] = [];
  for (let change = 1; change <= size.changes; change += 1) {
    const times = await oneChange(tenant, agents, balancers[change % balancers.length] ?? "");
    print(`change ${change}`, times);
    all.push(...times);
  }
  print("all changes, from the request to serving", all);
  report("control, after the changes", control);
  await receipts(tenant, size.nodes);
  if (size.restart) await restarted(control, { tenant, agents, id: balancers[0] ?? "" });
}

async function createBalancers(tenant: TestTenant, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const body = definition(`b${index}`, 9_000 + index, 1);
    ids.push((await tenant.demand<{ id: string }>("POST", "/v1/balancers", { body })).id);
  }
  return ids;
}

function definition(name: string, port: number, weight: number): object {
  const backends = Array.from({ length: 20 }, (_, index) => {
    return { host: `10.0.0.${index + 1}`, port: 80, weight };
  });
  return {
    name,
    protocol: "tcp",
    bind: [`127.0.0.1:${port}`],
    discovery: { kind: "static", backends },
  };
}

async function joined(
  cleanup: Cleanup,
  world: { readonly control: ControlProcess; readonly tenant: TestTenant; readonly size: Size },
): Promise<Agents> {
  const { control, tenant, size } = world;
  const startMs = nowMs();
  const body = { uses: size.nodes };
  const { token } = await tenant.demand<{ token: string }>("POST", "/v1/join-tokens", { body });
  const agents = await Agents.start(cleanup, { url: control.url, token, nodes: size.nodes });
  print("joined", [nowMs() - startMs]);
  return agents;
}

interface Balancer {
  readonly name: string;
  readonly bind: readonly string[];
}

/** Changes one balancer; gives how long after the request each node served it. */
async function oneChange(
  tenant: TestTenant,
  agents: Agents,
  id: string,
): Promise<readonly number[]> {
  const path = `/v1/balancers/${id}`;
  const { headers, body: before } = await tenant.call<Balancer>("GET", path);
  const [, port] = (before.bind[0] ?? "").split(":");
  const weight = 1 + Math.floor(Math.random() * 1_000);
  const body = definition(before.name, Number(port), weight);
  const startMs = nowMs();
  const put = { body, headers: { "if-match": headers.get("etag") ?? "" } };
  const { revision } = await tenant.demand<{ revision: number }>("PUT", path, put);
  return since(startMs, agents.serving(revision));
}

async function revisionOf(tenant: TestTenant): Promise<number> {
  const { items } = await tenant.demand<{ items: readonly { revision: number }[] }>(
    "GET",
    "/v1/revisions",
  );
  return Math.max(...items.map(({ revision }) => revision));
}

/** What the tenant sees of the last revision. */
async function receipts(tenant: TestTenant, nodes: number): Promise<void> {
  const rev = await revisionOf(tenant);
  const startMs = nowMs();
  const seen = await tenant.demand<Readonly<Record<string, unknown>>>(
    "GET",
    `/v1/revisions/${rev}`,
  );
  const text = JSON.stringify(seen, (key, value: unknown) =>
    key === "byNode" ? undefined : value,
  );
  console.log(
    `receipt of ${rev} for ${nodes} nodes in ${(nowMs() - startMs).toFixed(0)} ms: ${text.slice(0, 400)}`,
  );
}

/** The control plane is killed and started again: until all nodes serve the next change. */
async function restarted(
  control: ControlProcess,
  world: { readonly tenant: TestTenant; readonly agents: Agents; readonly id: string },
): Promise<void> {
  const startMs = nowMs();
  await control.process.kill();
  const again = await control.startAgain();
  print("killed and ready again", [nowMs() - startMs]);
  const times = await oneChange(world.tenant, world.agents, world.id);
  print("change during the return, from its request", times);
  print("all back and in sync after the kill", [nowMs() - startMs]);
  report("control, after the restart", again);
}

async function since(
  startMs: number,
  times: Promise<readonly number[]>,
): Promise<readonly number[]> {
  return (await times).map((atMs) => atMs - startMs);
}

function print(what: string, times: readonly number[]): void {
  const [p50, p99] = [percentileOf(times, 0.5), percentileOf(times, 0.99)];
  const figures =
    times.length === 1
      ? `${p50.toFixed(0)} ms`
      : `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, max ${Math.max(...times).toFixed(0)} ms`;
  console.log(`${what}: ${figures}`);
}

/** Memory now and at most, and processor time, of the control plane's own process. */
function report(what: string, { process }: ControlProcess): void {
  const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
  const megabytes = (name: string): string => {
    const kilobytes = new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1];
    return (Number(kilobytes) / 1024).toFixed(0);
  };
  const fields = readFileSync(`/proc/${process.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const seconds = (Number(fields[11]) + Number(fields[12])) / 100;
  console.log(
    `${what}: RSS ${megabytes("VmRSS")} MB (at most ${megabytes("VmHWM")} MB), ${seconds.toFixed(1)} s of processor`,
  );
}

await main(sizeOf(process.argv.slice(2)));
process.exit(0);
