import { sql } from "drizzle-orm";

import type { Transaction } from "../database.ts";
import { firstRowOf } from "./rows.ts";

/** Removes statistics buckets older than these; gives how many rows went (system). */
export async function pruneBuckets(
  tx: Transaction,
  kept: { readonly tensMs: number; readonly minutesMs: number; readonly rowsMax: number },
): Promise<number> {
  const row = await firstRowOf<{ readonly gone: number }>(
    tx,
    sql`
    SELECT system.prune_buckets(
      ${kept.tensMs}::bigint, ${kept.minutesMs}::bigint, ${kept.rowsMax}::integer)::float8 AS gone`,
  );
  return row?.gone ?? 0;
}

/** Removes what nodes left behind; gives how many rows went (system). */
export async function pruneNodes(
  tx: Transaction,
  kept: {
    readonly bootMs: number;
    readonly events: number;
    readonly receipts: number;
    readonly rowsMax: number;
  },
): Promise<number> {
  const row = await firstRowOf<{ readonly gone: number }>(
    tx,
    sql`
    SELECT system.prune_nodes(
      ${kept.bootMs}::bigint, ${kept.events}::integer, ${kept.receipts}::integer,
      ${kept.rowsMax}::integer)::float8 AS gone`,
  );
  return row?.gone ?? 0;
}
