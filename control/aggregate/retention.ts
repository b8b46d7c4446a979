import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { retentionMs, retentionRoundMsMax } from "#shared/base/limits.ts";

import { createFlipLog } from "../flip-log.ts";
import type { Log } from "../log.ts";
import type { Database } from "../storage/database.ts";
import {
  pruneDepartedBackends,
  pruneOldBuckets,
  walkNodes,
  walkTotals,
  type Pruning,
} from "./pruning.ts";

export interface RetentionDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** What nodes left behind is looked through as a whole: every so many rounds. */
const roundsBetweenNodes = 10;

/**
 * Removes what is past its time: statistics, events, receipts. A round goes on until nothing is left
 * or its time is over; then the next one goes on from there. Several instances take turns.
 */
export function startRetention(deps: RetentionDeps): Stoppable {
  const { clock, database } = deps;
  const trouble = createFlipLog(deps.log, "retention");
  const work = pruningWork(database);
  let timer: Timer | undefined;
  let working: Promise<void> | undefined;
  let stopped = false;

  const round = async (): Promise<void> => {
    const endMs = clock.monotonicMs() + retentionRoundMsMax;
    try {
      await work(() => stopped || clock.monotonicMs() >= endMs);
      trouble.worked("rows");
    } catch (error) {
      trouble.failed("rows", error);
    }
  };
  const plan = (): void => {
    if (stopped) return;
    timer = clock.after(jitteredMs(retentionMs, 0.2, deps.random), () => {
      working = round().finally(plan);
    });
  };
  plan();
  return {
    name: "retention",
    stop: async () => {
      stopped = true;
      timer?.stop();
      await working;
    },
  };
}

/** What one round does. It remembers what the round before had no time for. */
function pruningWork(database: Database): (isOver: () => boolean) => Promise<void> {
  let rounds = 0;
  let walks: readonly Pruning[] = [];
  return async (isOver) => {
    if (walks.length === 0 && rounds % roundsBetweenNodes === 0) {
      walks = [walkTotals(), walkNodes()];
    }
    rounds += 1;
    await toItsEnd(database, pruneOldBuckets, isOver);
    await toItsEnd(database, pruneDepartedBackends, isOver);
    for (let [walk] = walks; walk !== undefined && !isOver(); [walk] = walks) {
      // oxlint-disable-next-line no-await-in-loop -- one table after the other
      if (await toItsEnd(database, walk, isOver)) walks = walks.slice(1);
    }
  };
}

/** Whether it came to its end. */
async function toItsEnd(
  database: Database,
  step: Pruning,
  isOver: () => boolean,
): Promise<boolean> {
  for (let more = true; more;) {
    if (isOver()) return false;
    // oxlint-disable-next-line no-await-in-loop -- one short transaction at a time
    more = await step(database);
  }
  return true;
}
