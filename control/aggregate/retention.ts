import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  bootMsKept,
  buckets10sMsKept,
  buckets1mMsKept,
  eventsPerNodeKept,
  receiptsPerNodeKept,
  retentionMs,
  retentionRowsMax,
} from "#shared/base/limits.ts";

import { createFlipLog } from "../flip-log.ts";
import type { Log } from "../log.ts";
import type { Database } from "../storage/database.ts";
import { pruneBuckets, pruneNodes } from "../storage/queries/node-retention.ts";

export interface RetentionDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** What nodes left behind is looked through as a whole: every so many rounds. */
const roundsBetweenNodes = 10;

/** Removes what is past its time: statistics, events, receipts. Several instances take turns. */
export function startRetention(deps: RetentionDeps): Stoppable {
  const trouble = createFlipLog(deps.log, "retention");
  let timer: Timer | undefined;
  let working: Promise<void> | undefined;
  let stopped = false;
  let round = 0;

  const work = async (): Promise<void> => {
    try {
      await pruneOnce(deps.database, round % roundsBetweenNodes === 0);
      trouble.worked("rows");
    } catch (error) {
      trouble.failed("rows", error);
    }
    round += 1;
  };
  const plan = (): void => {
    if (stopped) return;
    timer = deps.clock.after(jitteredMs(retentionMs, 0.2, deps.random), () => {
      working = work().finally(plan);
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

/** One round; what is too much for one transaction waits for the next round. */
export async function pruneOnce(database: Database, nodesToo: boolean): Promise<void> {
  const rowsMax = retentionRowsMax;
  await database.asSystem((tx) =>
    pruneBuckets(tx, { tensMs: buckets10sMsKept, minutesMs: buckets1mMsKept, rowsMax }),
  );
  if (!nodesToo) return;
  const kept = { bootMs: bootMsKept, events: eventsPerNodeKept, receipts: receiptsPerNodeKept };
  await database.asSystem((tx) => pruneNodes(tx, { ...kept, rowsMax }));
}
