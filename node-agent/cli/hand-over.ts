import type { Clock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  dismissMsMax,
  handoverHoldMsMax,
  predecessorTotalsMs,
  storeMsMax,
  successorMsMax,
  takeoverMsMax,
} from "#shared/base/limits.ts";

import type { AdminServer } from "../admin/admin-server.ts";
import type { DrainOutcome } from "../flow/data-plane.ts";
import { handoverText, type FromSuccessor } from "../handover/messages.ts";
import type { StartSuccessor, SuccessorProcess } from "../handover/successor-process.ts";
import type { FolderClaim } from "../runtime/folder-claim.ts";
import { within } from "../runtime/within.ts";
import { estateOf } from "./estate.ts";
import type { Agent } from "./start-agent.ts";
import { reportRest } from "./stop-agent.ts";

/** All that an agent hands over, and the means to do it. */
export interface HandingParts {
  readonly clock: Clock;
  readonly agent: Agent;
  readonly folder: FolderClaim;
  readonly admin: AdminServer | undefined;
  readonly restartSocket: Stoppable;
  readonly startSuccessor: StartSuccessor;
  /** Resolves when the agent is asked to end: a successor that is not ready then is not waited for. */
  readonly stopAsked: Promise<unknown>;
}

export type HandOverOutcome =
  | { readonly kind: "handed-over"; readonly successor: SuccessorProcess; readonly pid: number }
  /** The successor served and was given everything, but did not take it: nobody is the agent now. */
  | { readonly kind: "broken"; readonly why: string }
  /** Nothing was tried, or it was in vain: everything is as it was. */
  | { readonly kind: "refused" | "failed"; readonly why: string };

/**
 * Starts another process in this one's place: it inherits the listening sockets and serves on them
 * beside this one, and only then this one gives the link and the status port away. Until that
 * moment every failure leaves the agent as it was. Afterwards this process accepts nobody any more
 * once it drains.
 */
export async function handOver(parts: HandingParts): Promise<HandOverOutcome> {
  const release = await heldStill(parts);
  if (release === undefined) {
    return { kind: "refused", why: "a change is being applied, try again" };
  }
  const successor = await started(parts).catch((error: unknown) => errorText(error));
  if (typeof successor === "string") {
    release();
    return { kind: "failed", why: `the new process could not be started: ${successor}` };
  }
  const verdict = await judged(parts, successor);
  const pid = successor.pid();
  if (verdict !== undefined || pid === undefined) {
    await dismiss(parts.clock, successor);
    release();
    return { kind: "failed", why: handoverText(verdict ?? "it has no process id") };
  }
  const why = await giveAway(parts, { successor, release });
  if (why === undefined) return { kind: "handed-over", successor, pid };
  successor.kill("SIGKILL");
  return { kind: "broken", why };
}

/** From now on nothing changes: what runs is what stands on disk. Undefined when that takes too long. */
async function heldStill({ clock, agent }: HandingParts): Promise<(() => void) | undefined> {
  const { intake, applier, sourceMemory, store } = agent;
  const holds = [intake.hold(), applier.hold(), sourceMemory.hold()];
  const release = (): void => {
    for (const holding of holds) void holding.then((letGo) => letGo());
  };
  const bound = { ms: handoverHoldMsMax, otherwise: undefined };
  const held = await within(clock, Promise.all(holds), bound);
  if (held === undefined) {
    release();
    return undefined;
  }
  // This start was no crash, whatever becomes of the next ones.
  const noted = store.ended().catch(() => undefined);
  await within(clock, noted, { ms: storeMsMax, otherwise: undefined });
  return release;
}

async function started({
  agent,
  folder,
  admin,
  startSuccessor,
}: HandingParts): Promise<SuccessorProcess> {
  const { descriptors, estate } = estateOf({
    addresses: await agent.dataPlane.addresses(),
    folderClaim: folder.descriptor(),
    statusPort: admin?.descriptor(),
    version: agent.applier.view().version,
    handovers: agent.succession.handovers + 1,
    beliefs: agent.dataPlane.beliefs(),
  });
  const successor = startSuccessor(descriptors);
  successor.send(estate);
  return successor;
}

/** Undefined when it serves everything that is served here; otherwise what is wrong with it. */
async function judged(
  { clock, agent, stopAsked }: HandingParts,
  successor: SuccessorProcess,
): Promise<string | undefined> {
  const said = Promise.withResolvers<string | undefined>();
  successor.hear((message) => {
    if (message.type === "unfit" || message.type === "serving") {
      said.resolve(objection(agent, message));
    }
  });
  void successor.ended.then((how) => said.resolve(`the new process ${how}`));
  void stopAsked.then(() => said.resolve("the agent was asked to end"));
  const otherwise = `the new process did not serve within ${successorMsMax} ms`;
  return within(clock, said.promise, { ms: successorMsMax, otherwise });
}

/** What the local policy forbids now is not served any more because its owner wants that. */
function objection(
  { applier }: Agent,
  message: Extract<FromSuccessor, { type: "unfit" | "serving" }>,
): string | undefined {
  if (message.type === "unfit") return message.why;
  const { running } = applier.view();
  const lost = message.failing.filter(
    ({ balancer, codes }) => running.has(balancer) && !codes.includes("denied-by-policy"),
  );
  if (lost.length === 0) return undefined;
  const texts = lost.map(({ balancer, codes }) => `${balancer} (${codes.join(", ")})`);
  return `the new process cannot serve ${texts.join(", ")}`;
}

async function dismiss(clock: Clock, successor: SuccessorProcess): Promise<void> {
  successor.kill("SIGTERM");
  await within(clock, successor.ended, { ms: dismissMsMax, otherwise: undefined });
  successor.kill("SIGKILL");
}

/** Undefined when the successor has taken what only one process can have. */
async function giveAway(
  { clock, agent, admin, restartSocket }: HandingParts,
  { successor, release }: { readonly successor: SuccessorProcess; readonly release: () => void },
): Promise<string | undefined> {
  const { applier, intake, sourceMemory, reporter, link, generations } = agent;
  const taken = Promise.withResolvers<string | undefined>();
  successor.hear((message) => {
    if (message.type === "taken") taken.resolve(undefined);
  });
  void successor.ended.then((how) => taken.resolve(`the new process ${how}`));
  void applier.freeze();
  intake.stop();
  // What sources name from now on is the successor's to write.
  void sourceMemory.stop();
  release();
  // A report that is on its way and that the successor repeats would hold up the ones after it.
  await reportRest({ clock, reporter, link, left: "unconfirmed" });
  await Promise.all([link.stop(), admin?.stop(), restartSocket.stop()]);
  const counting = reporter.handOver();
  successor.send({ type: "yours", counting, generation: generations.current() });
  const otherwise = `the new process did not take over within ${takeoverMsMax} ms`;
  return within(clock, taken.promise, { ms: takeoverMsMax, otherwise });
}

/**
 * Accepts nobody any more, lets open connections finish within `drainMs`, and tells the successor
 * what they move, to the last byte.
 */
export async function drainBeside(
  { clock, agent }: Pick<HandingParts, "clock" | "agent">,
  successor: SuccessorProcess,
  drainMs: number,
): Promise<DrainOutcome> {
  const tell = (ended: boolean): void => {
    successor.send({ type: "totals", rows: [...agent.totals()], ended });
  };
  const telling = clock.every(predecessorTotalsMs, () => tell(false));
  try {
    return await agent.dataPlane.drain(drainMs, { keepsAddresses: true });
  } finally {
    telling.stop();
    tell(true);
    await within(clock, successor.close(), { ms: dismissMsMax, otherwise: undefined });
  }
}
