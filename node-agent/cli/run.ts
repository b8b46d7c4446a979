import { flushCompileCache } from "node:module";

import type { Clock } from "#shared/base/clock.ts";
import { Lifetime } from "#shared/base/lifetime.ts";
import { agentPartStopMsMax, orphanStopMsMax } from "#shared/base/limits.ts";

import type { RunConfig } from "../config.ts";
import type { FoundSnapshot } from "../control-link/snapshot-store.ts";
import type { Disk } from "../runtime/disk.ts";
import { claimFolder } from "../runtime/folder-claim.ts";
import type { Log } from "../runtime/log.ts";
import { processAgeMs } from "../runtime/process-usage.ts";
import type { StopRequest } from "../runtime/stop-requests.ts";
import type { AgentDeps } from "./agent-parts.ts";
import { openHost } from "./open-host.ts";
import { startAgent, type Agent } from "./start-agent.ts";
import { stopAgent } from "./stop-agent.ts";

export interface RunDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly disk: Disk;
  readonly log: Log;
  /** Tells whoever started this process what became of it. */
  readonly tellParent: (message: object) => void;
  /** Asked to end, any number of times. */
  readonly onStopRequest: (listener: (request: StopRequest) => void) => void;
}

/** How a run ended. */
export type RunOutcome =
  | { readonly kind: "ended" }
  /** Asked a second time, or for too long: ended with connections open. */
  | { readonly kind: "cut-short" }
  | { readonly kind: "not-started"; readonly problems: readonly string[] };

/**
 * Runs the agent until it is asked to end. The last good snapshot serves first, and the control
 * plane is looked for at the same time: without it, or without a snapshot, the agent runs as well.
 *
 * @throws Fault when a part cannot be started; nothing is left running
 */
export async function run(deps: RunDeps, config: RunConfig): Promise<RunOutcome> {
  const stopped = Promise.withResolvers<StopRequest>();
  const hurried = Promise.withResolvers<RunOutcome>();
  deps.onStopRequest((request) => {
    stopped.resolve(request);
    const hurry = (): void => hurried.resolve({ kind: "cut-short" });
    if (request === "now") hurry();
    if (request === "orphaned") deps.clock.after(orphanStopMsMax, hurry);
  });
  return Promise.race([runUntil(deps, config, stopped.promise), hurried.promise]);
}

async function runUntil(
  deps: RunDeps,
  config: RunConfig,
  stopped: Promise<StopRequest>,
): Promise<RunOutcome> {
  const { clock, disk, log } = deps;
  const host = await openHost(disk, log, config);
  if (!host.ok) return { kind: "not-started", problems: host.problems };
  const life = new Lifetime(clock, agentPartStopMsMax);
  try {
    life.own(await claimFolder(config.dataFolder));
    const agent = await startAgent({ ...deps, life }, { config, ...host });
    // Whoever asks to end need not wait until everything serves.
    await Promise.race([comeUp({ ...deps, life }, config, agent), stopped]);
    const request = await stopped;
    log.info({ request }, "asked to end");
    agent.beginDraining();
    await stopAgent({ ...agent, clock, log, life }, request === "drain" ? config.drainMs : 0);
    return { kind: "ended" };
  } catch (error) {
    await life.stop();
    throw error;
  }
}

/**
 * Serves, and only then loads and opens what people look at: an agent that comes back is first of
 * all missed by traffic.
 */
async function comeUp(deps: AgentDeps & RunDeps, config: RunConfig, agent: Agent): Promise<void> {
  await serveLastGood(deps, agent);
  const { startStatusPort } = await import("./start-status-port.ts");
  const admin = await startStatusPort(deps, config, agent);
  const { running, failing } = agent.applier.view();
  const facts = { balancers: running.size, failing: failing.size, driver: agent.dataPlane.driver };
  const address = admin?.address() ?? null;
  deps.log.info({ admin: address }, "ready");
  deps.tellParent({ type: "ready", pid: process.pid, admin: address, ...facts });
  // Written now, not at the end: whoever is killed wants to be back soon as well.
  flushCompileCache();
}

/** Serves what is on disk, and connects at the same time. */
async function serveLastGood({ log }: RunDeps, agent: Agent): Promise<void> {
  const { intake, link, applier, dataPlane } = agent;
  const found = await intake.load();
  tellFound(log, agent, found);
  const resumed = intake.resume();
  link.start({ running: found.snapshot?.version ?? null, durable: true });
  await resumed;
  const { running, failing } = applier.view();
  log.info(
    {
      sinceProcessStartMs: Math.round(processAgeMs()),
      balancers: running.size,
      failing: failing.size,
      driver: dataPlane.driver,
    },
    found.snapshot === undefined ? "waiting for a first snapshot" : "serving",
  );
}

function tellFound(log: Log, { link }: Agent, { unusable, reverted }: FoundSnapshot): void {
  for (const { file, why, detail } of unusable) {
    log.error({ file, why, detail }, "a snapshot on disk cannot be used");
    const text = `${file} on disk: ${why}, ${detail}`;
    link.report({ kind: "snapshot.refused", balancer: null, backend: null, detail: text });
  }
  if (reverted === undefined) return;
  log.error(
    { version: reverted },
    "the agent kept ending on this snapshot: back to the one before",
  );
  const detail = `revision ${reverted.rev} was given up`;
  link.report({ kind: "snapshot.reverted", balancer: null, backend: null, detail });
}
