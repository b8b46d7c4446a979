import { flushCompileCache } from "node:module";

import type { Stoppable } from "#shared/base/lifetime.ts";

import type { AdminServer } from "../admin/admin-server.ts";
import type { RunConfig } from "../config.ts";
import type { FoundSnapshot } from "../control-link/snapshot-store.ts";
import { openRestartSocket, type RestartOutcome } from "../handover/restart-socket.ts";
import type { Log } from "../runtime/log.ts";
import { writePidFile } from "../runtime/pid-file.ts";
import { processAgeMs } from "../runtime/process-usage.ts";
import type { AgentDeps } from "./agent-parts.ts";
import type { Inheritance } from "./inheritance.ts";
import type { RunDeps } from "./run-parts.ts";
import type { Agent } from "./start-agent.ts";
import { takeOver, tellServing, unfitness } from "./take-over.ts";

export interface ComingUp {
  readonly config: RunConfig;
  readonly agent: Agent;
  /** Of a process that takes another one's place. */
  readonly inheritance: Inheritance | undefined;
  readonly askRestart: () => Promise<RestartOutcome>;
}

/** What is open once the agent is up. */
export interface Doors {
  readonly admin: AdminServer | undefined;
  readonly restartSocket: Stoppable;
}

export type CameUp =
  | { readonly kind: "up"; readonly doors: Doors }
  /** The agent before this one is better than this one. */
  | { readonly kind: "unfit"; readonly why: string };

/**
 * Serves, and only then loads and opens what people look at: an agent that comes back is first of
 * all missed by traffic. In another agent's place it connects only when that one has let go.
 */
export async function comeUp(deps: AgentDeps & RunDeps, coming: ComingUp): Promise<CameUp> {
  const { agent, inheritance } = coming;
  const found = await agent.intake.load();
  const why = inheritance === undefined ? undefined : unfitness(inheritance, agent);
  if (why !== undefined) return { kind: "unfit", why };
  tellFound(deps.log, agent, found);
  agent.servedBefore.add(found.snapshot?.entries.map(({ id }) => id) ?? []);
  await serveLastGood(deps, coming, found);
  const doors = await openDoors(deps, coming);
  inheritance?.predecessor.tell({ type: "taken" });
  // Written now, not at the end: whoever is killed wants to be back soon as well.
  flushCompileCache();
  return { kind: "up", doors };
}

/** Serves what is on disk, and connects at the same time. */
async function serveLastGood(
  { log }: RunDeps,
  { agent, inheritance }: ComingUp,
  found: FoundSnapshot,
): Promise<void> {
  const { intake, link, applier, dataPlane } = agent;
  const connect = (): void => link.start({ running: intake.held ?? null, durable: true });
  const resumed = intake.resume();
  if (inheritance === undefined) connect();
  const applied = await resumed;
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
  if (inheritance === undefined) return;
  tellServing(inheritance, agent);
  await takeOver(log, inheritance, agent);
  connect();
  if (applied !== undefined) intake.retell(applied);
}

async function openDoors(
  deps: AgentDeps & RunDeps,
  { config, agent, inheritance, askRestart }: ComingUp,
): Promise<Doors> {
  const { startStatusPort } = await import("./start-status-port.ts");
  const inherited = inheritance?.estate.statusPort ?? undefined;
  const admin = await startStatusPort(deps, config, { ...agent, inherited });
  if (config.pidFile !== undefined) {
    deps.life.own(await writePidFile(deps.disk, config.pidFile, process.pid));
  }
  const restartSocket = deps.life.own(await openRestartSocket(config.dataFolder, askRestart));
  if (restartSocket.trouble !== undefined) {
    deps.log.warn({ why: restartSocket.trouble }, "restarts can be asked for by SIGUSR2 only");
  }
  const { running, failing } = agent.applier.view();
  const facts = { balancers: running.size, failing: failing.size, driver: agent.dataPlane.driver };
  const address = admin?.address() ?? null;
  deps.log.info({ admin: address }, "ready");
  deps.tellParent({ type: "ready", pid: process.pid, admin: address, ...facts });
  return { admin, restartSocket };
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
