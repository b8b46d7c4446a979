import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { purgeMs, purgeRowsMax } from "#shared/base/limits.ts";

import type { Database } from "./database.ts";
import { purgeExpired } from "./queries/expired.ts";

export interface PurgingDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told what went wrong; it tries again at the next turn. */
  readonly onError: (error: unknown) => void;
}

/** Deletes what is over (kept answers, old sessions), every `purgeMs` or so, a bounded number each time. */
export function startPurging(deps: PurgingDeps): Stoppable {
  let running: Promise<void> = Promise.resolve();
  const everyMs = jitteredMs(purgeMs, 0.2, deps.random);
  const timer = deps.clock.every(everyMs, () => {
    running = running.then(() => purgeOnce(deps));
  });
  return {
    name: "purging",
    stop: () => {
      timer.stop();
      return running;
    },
  };
}

async function purgeOnce(deps: PurgingDeps): Promise<void> {
  try {
    await deps.database.asSystem((tx) => purgeExpired(tx, purgeRowsMax));
  } catch (error) {
    deps.onError(error);
  }
}
