import { sql } from "drizzle-orm";

import type { Transaction } from "../database.ts";
import { firstRowOf } from "./rows.ts";

/** Removes statistics buckets older than these; gives how many rows of one table went (system). */
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

/** Removes totals of backends that left longer ago than this; gives how many rows went (system). */
export async function pruneDeparted(
  tx: Transaction,
  kept: { readonly ms: number; readonly rowsMax: number },
): Promise<number> {
  const row = await firstRowOf<{ readonly gone: number }>(
    tx,
    sql`SELECT system.prune_departed(${kept.ms}::bigint, ${kept.rowsMax}::integer)::float8 AS gone`,
  );
  return row?.gone ?? 0;
}

/** Behind this the next slice of a table begins; undefined at its end. */
export interface TotalsPlace {
  readonly tenant: string;
  readonly balancer: string;
}

/** Removes totals of balancers that are gone, of a slice of the table; gives where it ended (system). */
export async function pruneTotals(
  tx: Transaction,
  behind: TotalsPlace,
  bounds: { readonly balancersMax: number; readonly rowsMax: number },
): Promise<TotalsPlace | undefined> {
  const row = await firstRowOf<{
    readonly tenant: string | null;
    readonly balancer: string | null;
  }>(
    tx,
    sql`
    SELECT tenant, balancer FROM system.prune_totals(
      ${behind.tenant}, ${behind.balancer}, ${bounds.balancersMax}::integer,
      ${bounds.rowsMax}::integer)`,
  );
  const { tenant = null, balancer = null } = row ?? {};
  return tenant === null || balancer === null ? undefined : { tenant, balancer };
}

/** How much of what nodes left behind stays, and how much is looked at in one statement. */
export interface KeptOfNodes {
  readonly bootMs: number;
  readonly events: number;
  readonly receipts: number;
  readonly nodesMax: number;
  readonly rowsMax: number;
}

/** Removes what a slice of the nodes left behind; gives the node where it ended (system). */
export async function pruneNodes(
  tx: Transaction,
  behind: string,
  kept: KeptOfNodes,
): Promise<string | undefined> {
  const row = await firstRowOf<{ readonly node: string | null }>(
    tx,
    sql`
    SELECT node FROM system.prune_nodes(
      ${behind}, ${kept.nodesMax}::integer, ${kept.bootMs}::bigint, ${kept.events}::integer,
      ${kept.receipts}::integer, ${kept.rowsMax}::integer)`,
  );
  return row?.node ?? undefined;
}
