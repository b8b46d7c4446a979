import { errorText } from "#shared/base/fault.ts";
import { Lifetime } from "#shared/base/lifetime.ts";
import { agentPartStopMsMax, orphanStopMsMax } from "#shared/base/limits.ts";

import type { RunConfig } from "../config.ts";
import { handoverText } from "../handover/messages.ts";
import type { Predecessor } from "../handover/predecessor.ts";
import { claimFolder } from "../runtime/folder-claim.ts";
import type { StopRequest } from "../runtime/stop-requests.ts";
import type { Inheritance } from "./inheritance.ts";
import { openHost } from "./open-host.ts";
import { runAgent } from "./run-agent.ts";
import type { RunDeps, RunOutcome } from "./run-parts.ts";
import { startAgent } from "./start-agent.ts";

/**
 * Runs the agent until it is asked to end, or another process has taken its place. The last good
 * snapshot serves first, and the control plane is looked for at the same time: without it, or
 * without a snapshot, the agent runs as well.
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
  const outcome = await Promise.race([runUntil(deps, config, stopped.promise), hurried.promise]);
  if (outcome.kind === "not-started") {
    deps.predecessor?.tell({ type: "unfit", why: handoverText(outcome.problems.join("; ")) });
  }
  return outcome;
}

async function runUntil(
  deps: RunDeps,
  config: RunConfig,
  stopped: Promise<StopRequest>,
): Promise<RunOutcome> {
  const { clock, disk, log, predecessor } = deps;
  const inheritance = await inherited(predecessor);
  if (predecessor !== undefined && inheritance === undefined) {
    return {
      kind: "not-started",
      problems: ["the agent that started this one has left nothing that can be read"],
    };
  }
  const host = await openHost(disk, log, config);
  if (!host.ok) return { kind: "not-started", problems: host.problems };
  const life = new Lifetime(clock, agentPartStopMsMax);
  try {
    const folderClaim = inheritance?.estate.folderClaim ?? undefined;
    const folder = life.own(await claimFolder(config.dataFolder, folderClaim));
    const agent = await startAgent({ ...deps, life }, { config, ...host, inheritance });
    return await runAgent({ ...deps, life, folder, stopped }, { config, agent, inheritance });
  } catch (error) {
    predecessor?.tell({ type: "unfit", why: handoverText(errorText(error)) });
    await life.stop();
    throw error;
  }
}

async function inherited(predecessor: Predecessor | undefined): Promise<Inheritance | undefined> {
  const estate = await predecessor?.estate;
  return predecessor === undefined || estate === undefined ? undefined : { predecessor, estate };
}
