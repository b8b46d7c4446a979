import type { ExtractTablesWithRelations } from "drizzle-orm";
import type { PgTransaction } from "drizzle-orm/pg-core";
import type { PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";

import type { TenantId } from "#shared/base/ids.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

/** A running transaction, under the role it was opened with. */
export type Transaction = PgTransaction<
  PostgresJsQueryResultHKT,
  Record<string, never>,
  ExtractTablesWithRelations<Record<string, never>>
>;

/**
 * The database as the rest of the control plane sees it. Every transaction runs under a role that
 * owns nothing, set with SET LOCAL, so that a transaction pooler may stand between.
 *
 * Both ways reject with Fault `storage/unavailable` when Postgres cannot be reached or goes away:
 * nothing was committed then, or it is unknown whether it was (`storage/commit-unknown`).
 */
export interface Database {
  /** Sees and writes this tenant's rows only (row-level security). */
  asTenant<T>(tenantId: TenantId, run: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Sees no table: may only call the listed functions that cross tenants. */
  asSystem<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Hears NOTIFY on a channel. `onListen` runs after every (re)connect: what was said in between
   * is lost, so catch up there.
   */
  listen(
    channel: string,
    hear: { readonly onPayload: (payload: string) => void; readonly onListen: () => void },
  ): Promise<Stoppable>;
  /** Whether a statement gets an answer within the bound. */
  ping(timeoutMs: number): Promise<boolean>;
}

/** The one channel of the doorbell; its payload is a tenant's id. */
export const doorbellChannel = "midstream";
