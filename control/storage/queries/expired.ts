import { sql } from "drizzle-orm";

import type { Transaction } from "../database.ts";
import { firstRowOf } from "./rows.ts";

/** How many rows went. */
export interface Purged {
  readonly answers: number;
  readonly sessions: number;
}

/** Deletes what is over, at most `rowsMax` rows of each kind (system). */
export async function purgeExpired(tx: Transaction, rowsMax: number): Promise<Purged> {
  const row = await firstRowOf<{ readonly answers: string; readonly sessions: string }>(
    tx,
    sql`SELECT * FROM system.purge_expired(${rowsMax}::integer)`,
  );
  return { answers: Number(row?.answers ?? 0), sessions: Number(row?.sessions ?? 0) };
}
