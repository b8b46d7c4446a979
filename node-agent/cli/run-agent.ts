import type { RunConfig } from "../config.ts";
import type { SuccessorProcess } from "../handover/successor-process.ts";
import type { FolderClaim } from "../runtime/folder-claim.ts";
import type { StopRequest } from "../runtime/stop-requests.ts";
import type { AgentDeps } from "./agent-parts.ts";
import { comeUp, type CameUp, type Doors } from "./come-up.ts";
import { drainBeside, handOver } from "./hand-over.ts";
import type { Inheritance } from "./inheritance.ts";
import { restartObstacle } from "./restart-obstacle.ts";
import { createRestarts, type Restarts } from "./restarts.ts";
import type { RunDeps, RunOutcome } from "./run-parts.ts";
import type { Agent } from "./start-agent.ts";
import { stopAgent, stopParts } from "./stop-agent.ts";

export interface RunningDeps extends AgentDeps, RunDeps {
  readonly folder: FolderClaim;
  /** Resolves when the agent is asked to end. */
  readonly stopped: Promise<StopRequest>;
}

export interface RunningParts {
  readonly config: RunConfig;
  readonly agent: Agent;
  readonly inheritance: Inheritance | undefined;
}

/** What may end an agent's time. */
type Turn = "stopped" | "left" | CameUp;

/** From an agent whose parts are up to its end. */
export async function runAgent(deps: RunningDeps, parts: RunningParts): Promise<RunOutcome> {
  const { stopped } = deps;
  let doors: Doors | undefined;
  const restarts = restartsOf(deps, parts, () => doors);
  const up = comeUp(deps, { ...parts, askRestart: () => restarts.ask() });
  const ends = Promise.race([
    stopped.then(() => "stopped" as const),
    restarts.left.then(() => "left" as const),
  ]);
  // Whoever asks to end need not wait until everything serves.
  let turn: Turn = await Promise.race([up, ends]);
  if (typeof turn === "object" && turn.kind === "unfit") {
    await deps.life.stop();
    return { kind: "not-started", problems: [turn.why] };
  }
  if (typeof turn === "object") {
    ({ doors } = turn);
    deps.onRestartRequest(() => void restarts.ask());
    turn = await ends;
  }
  await restarts.settled();
  const left = await Promise.race([restarts.left, Promise.resolve(undefined)]);
  if (left === undefined) return ended(deps, parts, doors !== undefined);
  return left.kind === "broken" ? { kind: "cut-short" } : leave(deps, parts, left.successor);
}

function restartsOf(
  deps: RunningDeps,
  { config, agent }: RunningParts,
  doors: () => Doors | undefined,
): Restarts {
  const { clock, log, folder, startSuccessor, stopped } = deps;
  return createRestarts({
    clock,
    log,
    obstacle: () => restartObstacle({ config, agent, isUp: doors() !== undefined }),
    handOver: () => {
      const open = doors();
      if (open === undefined) return Promise.resolve({ kind: "refused", why: "it is not up yet" });
      return handOver({ clock, agent, folder, startSuccessor, stopAsked: stopped, ...open });
    },
    onFailed: (why) => agent.succession.restartFailed(why),
  });
}

/** Ends for good. One that never took another's place leaves the addresses to that one. */
async function ended(
  deps: RunningDeps,
  { config, agent, inheritance }: RunningParts,
  isUp: boolean,
): Promise<RunOutcome> {
  const { clock, log, life, stopped } = deps;
  const request = await stopped;
  log.info({ request }, "asked to end");
  agent.beginDraining();
  const keepsAddresses = inheritance !== undefined && !isUp;
  const drainMs = request === "drain" ? config.drainMs : 0;
  const predecessorGone = isUp ? inheritance?.predecessor.gone : undefined;
  const terms = { drainMs, keepsAddresses, predecessorGone };
  await stopAgent({ ...agent, clock, log, life }, terms);
  return { kind: "ended" };
}

/** Another process is the agent: lets connections finish. Whoever asks this one to end means that one. */
async function leave(
  { clock, log, life, stopped }: RunningDeps,
  { config, agent }: RunningParts,
  successor: SuccessorProcess,
): Promise<RunOutcome> {
  let isEnding = false;
  void stopped.then(() => {
    isEnding = true;
    successor.send({ type: "end" });
  });
  agent.beginDraining();
  // With nobody who accepts, the supervisor's next start is more urgent than what is open here.
  const alone = successor.ended.then((how) =>
    isEnding ? new Promise<never>(() => undefined) : how,
  );
  const drained = drainBeside({ clock, agent }, successor, config.drainMs);
  const outcome = await Promise.race([drained, alone]);
  if (typeof outcome === "string") {
    log.fatal({ successor: outcome }, "the successor is gone: the agent ends");
    return { kind: "cut-short" };
  }
  log.info({ ...outcome }, "drained beside the successor");
  await stopParts({ life, log });
  return { kind: "ended" };
}
