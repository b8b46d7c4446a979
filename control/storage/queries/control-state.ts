import { sql } from "drizzle-orm";

import type { Transaction } from "../database.ts";
import { firstRowOf } from "./rows.ts";

/** The lineage of this database, and whether it was sealed under some master key yet. */
export interface ControlState {
  /** Raised after a restore; part of every version that nodes see. */
  readonly epoch: number;
  readonly masterKeyCheck: string | undefined;
}

interface StateRow {
  readonly epoch: number;
  readonly master_key_check: string | null;
}

/** The one row of state (system). */
export async function controlState(tx: Transaction): Promise<ControlState> {
  const row = await firstRowOf<StateRow>(tx, sql`SELECT * FROM system.control_state()`);
  // Never published under an epoch that was guessed: without the row there is no lineage.
  if (row === undefined) throw new Error("control_state is empty");
  return { epoch: row.epoch, masterKeyCheck: row.master_key_check ?? undefined };
}

/** The lineages before and after it was raised. */
export interface RaisedEpoch {
  readonly before: number;
  readonly after: number;
}

/**
 * Begins a new lineage: what this database has is right for every node, whatever newer versions it
 * holds. The number is higher than any that was raised before, on any copy of the database (system).
 */
export async function raiseEpoch(tx: Transaction): Promise<RaisedEpoch> {
  const row = await firstRowOf<RaisedEpoch>(tx, sql`SELECT * FROM system.raise_epoch()`);
  if (row === undefined) throw new Error("control_state is empty");
  return row;
}

/** Stores the check unless there is one; gives the one that counts (system). */
export async function offerMasterKeyCheck(tx: Transaction, check: string): Promise<string> {
  const row = await firstRowOf<{ readonly kept: string }>(
    tx,
    sql`SELECT system.offer_master_key_check(${check}) AS kept`,
  );
  if (row === undefined) throw new Error("control_state is empty");
  return row.kept;
}
