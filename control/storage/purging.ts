import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { purgeMs, purgeRowsMax, purgeTurnMsMax } from "#shared/base/limits.ts";

import type { Database } from "./database.ts";
import { purgeExpired } from "./queries/expired.ts";

export interface PurgingDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told what went wrong; it tries again at the next turn. */
  readonly onError: (error: unknown) => void;
}

/**
 * Deletes what is over (kept answers, old sessions), every `purgeMs` or so: a bounded number in each
 * transaction, until none is left or the turn's time is over.
 */
export function startPurging(deps: PurgingDeps): Stoppable {
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const everyMs = jitteredMs(purgeMs, 0.2, deps.random);
  const timer = deps.clock.every(everyMs, () => {
    running = running.then(() => purgeAll(deps, () => stopped));
  });
  return {
    name: "purging",
    stop: () => {
      stopped = true;
      timer.stop();
      return running;
    },
  };
}

async function purgeAll(deps: PurgingDeps, isStopped: () => boolean): Promise<void> {
  const endMs = deps.clock.monotonicMs() + purgeTurnMsMax;
  try {
    for (let more = true; more && !isStopped() && deps.clock.monotonicMs() < endMs;) {
      // oxlint-disable-next-line no-await-in-loop -- one short transaction at a time
      more = await purgeSome(deps.database);
    }
  } catch (error) {
    deps.onError(error);
  }
}

/** Whether there may be more. */
async function purgeSome(database: Database): Promise<boolean> {
  const { answers, sessions } = await database.asSystem((tx) => purgeExpired(tx, purgeRowsMax));
  return Math.max(answers, sessions) >= purgeRowsMax;
}
