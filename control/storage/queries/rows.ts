import type { SQL } from "drizzle-orm";

import type { Transaction } from "../database.ts";

/**
 * The rows of a hand-written statement.
 *
 * Guarantee: `Row` is written beside the statement whose columns it names. Postgres' `bigint`,
 * timestamps and arrays arrive as texts, JSON as values.
 */
export async function rowsOf<Row>(tx: Transaction, statement: SQL): Promise<readonly Row[]> {
  const rows: Iterable<unknown> = await tx.execute(statement);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return [...rows] as Row[];
}

/** The first row, when there is one. */
export async function firstRowOf<Row>(tx: Transaction, statement: SQL): Promise<Row | undefined> {
  return (await rowsOf<Row>(tx, statement))[0];
}
