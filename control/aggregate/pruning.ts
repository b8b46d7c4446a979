import {
  bootMsKept,
  buckets10sMsKept,
  buckets1mMsKept,
  departedTotalsMsKept,
  eventsPerNodeKept,
  receiptsPerNodeKept,
  retentionNodesMax,
  retentionRowsMax,
} from "#shared/base/limits.ts";

import type { Database } from "../storage/database.ts";
import {
  pruneBuckets,
  pruneDeparted,
  pruneNodes,
  pruneTotals,
  type TotalsPlace,
} from "../storage/queries/node-retention.ts";

/** Removes a bounded number of rows in one transaction; resolves with whether there may be more. */
export type Pruning = (database: Database) => Promise<boolean>;

/** Statistics buckets that are past their time. */
export const pruneOldBuckets: Pruning = async (database) => {
  const rowsMax = retentionRowsMax;
  const kept = { tensMs: buckets10sMsKept, minutesMs: buckets1mMsKept, rowsMax };
  return (await database.asSystem((tx) => pruneBuckets(tx, kept))) >= rowsMax;
};

/** Totals of backends that left. */
export const pruneDepartedBackends: Pruning = async (database) => {
  const kept = { ms: departedTotalsMsKept, rowsMax: retentionRowsMax };
  return (await database.asSystem((tx) => pruneDeparted(tx, kept))) >= kept.rowsMax;
};

/** Totals of balancers that are gone, from the first tenant to the last. */
export function walkTotals(): Pruning {
  const bounds = { balancersMax: retentionNodesMax, rowsMax: retentionRowsMax };
  return walk<TotalsPlace>({ tenant: "", balancer: "" }, (database, behind) =>
    database.asSystem((tx) => pruneTotals(tx, behind, bounds)),
  );
}

/** Old boots, events and receipts, from the first node to the last. */
export function walkNodes(): Pruning {
  const kept = {
    bootMs: bootMsKept,
    events: eventsPerNodeKept,
    receipts: receiptsPerNodeKept,
    nodesMax: retentionNodesMax,
    rowsMax: retentionRowsMax,
  };
  return walk("", (database, behind) => database.asSystem((tx) => pruneNodes(tx, behind, kept)));
}

/** Goes from place to place; what failed is tried again from where it began. */
function walk<P>(
  start: P,
  step: (database: Database, behind: P) => Promise<P | undefined>,
): Pruning {
  let behind: P | undefined = start;
  return async (database) => {
    if (behind !== undefined) behind = await step(database, behind);
    return behind !== undefined;
  };
}
