import { sleep, type Clock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";
import type { Lifetime } from "#shared/base/lifetime.ts";
import { farewellMsMax, storeMsMax } from "#shared/base/limits.ts";

import type { Applier } from "../apply/applier.ts";
import type { ControlLink } from "../control-link/control-link.ts";
import type { SnapshotStore } from "../control-link/snapshot-store.ts";
import type { DataPlane } from "../flow/data-plane.ts";
import type { Log } from "../runtime/log.ts";
import { within } from "../runtime/within.ts";
import type { Reporter } from "../stats/reporter.ts";

export interface StoppedParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: SnapshotStore;
  readonly applier: Applier;
  readonly dataPlane: DataPlane;
  readonly reporter: Reporter;
  readonly link: ControlLink;
  /** Everything that was started, the link last. */
  readonly life: Lifetime;
}

/** How the agent ends. */
export interface StopTerms {
  readonly drainMs: number;
  /** Another process listens on the same sockets: the addresses stay. */
  readonly keepsAddresses: boolean;
  /** Resolves when the agent before this one has drained, whose counts are reported here. */
  readonly predecessorGone: Promise<void> | undefined;
}

const flushEveryMs = 50;

/**
 * Ends the agent: nothing new is taken, open connections get `drainMs`, what they did is reported,
 * and then everything goes down. Never rejects.
 */
export async function stopAgent(
  parts: StoppedParts,
  { drainMs, keepsAddresses, predecessorGone }: StopTerms,
): Promise<void> {
  const { store, applier, dataPlane, log } = parts;
  // Whatever comes now, this start did not crash.
  const noted = store.ended().catch((error: unknown) => {
    log.debug({ error: errorText(error) }, "the end of this start could not be noted");
  });
  await within(parts.clock, noted, { ms: storeMsMax, otherwise: undefined });
  await applier.freeze();
  const endsMs = parts.clock.monotonicMs() + drainMs;
  const { open, cut } = await dataPlane.drain(drainMs, { keepsAddresses });
  log.info({ open, cut }, "drained");
  await within(parts.clock, predecessorGone ?? Promise.resolve(), {
    ms: Math.max(0, endsMs - parts.clock.monotonicMs()),
    otherwise: undefined,
  });
  await reportRest({ ...parts, left: "unsent" });
  await stopParts(parts);
}

/** Stops everything that was started, the last first. Never rejects. */
export async function stopParts({ life, log }: Pick<StoppedParts, "life" | "log">): Promise<void> {
  for (const { name, outcome, error } of await life.stop()) {
    if (outcome === "stopped") continue;
    log.warn({ part: name, outcome, error: errorText(error ?? "") }, "a part did not stop well");
  }
}

/**
 * The counts of the last connections, as far as a link takes them in time.
 *
 * @param left what has to become 0: reports that are unsent, or those that are not confirmed
 */
export async function reportRest({
  reporter,
  link,
  clock,
  left,
}: Pick<StoppedParts, "reporter" | "link" | "clock"> & {
  readonly left: "unsent" | "unconfirmed";
}): Promise<void> {
  reporter.flush();
  const deadlineMs = clock.monotonicMs() + farewellMsMax;
  while (reporter[left]() > 0 && link.view().stage === "open") {
    if (clock.monotonicMs() >= deadlineMs) return;
    // oxlint-disable-next-line no-await-in-loop -- waits until the link takes more
    await sleep(clock, flushEveryMs);
  }
}
