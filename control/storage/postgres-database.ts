import type { Clock, Timer } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { TenantId } from "#shared/base/ids.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  databaseLockMsMax,
  databaseStatementMsMax,
  databaseTransactionMsMax,
} from "#shared/base/limits.ts";

import { ConnectionPool } from "./connection-pool.ts";
import { Connection } from "./connection.ts";
import type { Database, Transaction } from "./database.ts";
import { startListening } from "./listening.ts";
import { isUnavailable, storageFault } from "./storage-fault.ts";
import { runTransaction } from "./transaction.ts";

export interface PostgresDatabaseOptions {
  /** `postgres://user:password@host:port/database`; a transaction pooler may answer there. */
  readonly url: string;
  /** Where LISTEN works, when `url` leads to a pooler. */
  readonly directUrl?: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told when the listening connection broke and is opened again. */
  readonly onListenBroken?: (error: unknown) => void;
}

/** The database on a real Postgres: see `Database` for what its calls promise. */
export function createPostgresDatabase(options: PostgresDatabaseOptions): Database & Stoppable {
  const { url, clock } = options;
  const pool = new ConnectionPool(
    clock,
    () => new Connection({ url, clock, applicationName: "midstream" }),
  );
  return {
    name: "database",
    asTenant: async (tenantId, run) => within(pool, clock, tenantPreamble(tenantId), run),
    asSystem: (run) => within(pool, clock, systemPreamble, run),
    listen: (channel, hear) => startListening(options, channel, hear),
    ping: (timeoutMs) => answersWithin(pool, clock, timeoutMs),
    stop: () => pool.end(),
  };
}

/** In one round trip: the transaction, its role, its tenant, its bounds. All end with it. */
function preambleOf(role: string, tenant: string): string {
  const settings = [
    ["midstream.tenant", tenant],
    ["statement_timeout", String(databaseStatementMsMax)],
    ["lock_timeout", String(databaseLockMsMax)],
    ["idle_in_transaction_session_timeout", String(databaseTransactionMsMax)],
  ].map(([name, value]) => `set_config('${name}', '${value}', true)`);
  return `BEGIN; SET LOCAL ROLE ${role}; SELECT ${settings.join(", ")}`;
}

const systemPreamble = preambleOf("midstream_system", "");

function tenantPreamble(tenantId: TenantId): string {
  if (/^[a-z0-9_]{1,64}$/.test(tenantId)) return preambleOf("midstream_tenant", tenantId);
  const message = "not the id of a tenant";
  throw new Fault({ code: "storage/bad-tenant-id", owner: "platform", message });
}

/** A connection with an open transaction, and what cuts it when it takes too long. */
interface Begun {
  readonly connection: Connection;
  readonly bound: Timer;
}

async function within<T>(
  pool: ConnectionPool,
  clock: Clock,
  preamble: string,
  run: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const { connection, bound } = await begin(pool, clock, preamble);
  try {
    return await runTransaction(connection, run);
  } finally {
    bound.stop();
    pool.give(connection);
  }
}

/**
 * A connection that lay idle may have died unnoticed: nothing was done on it yet, so the next one
 * is tried. It ends with the first fresh one.
 */
async function begin(pool: ConnectionPool, clock: Clock, preamble: string): Promise<Begun> {
  const connection = await pool.take();
  const { fresh } = connection;
  const bound = clock.after(databaseTransactionMsMax, () => connection.destroy());
  try {
    await connection.simple(preamble);
    return { connection, bound };
  } catch (error) {
    bound.stop();
    connection.destroy();
    pool.give(connection);
    if (fresh || !isUnavailable(error)) throw storageFault(error);
    return begin(pool, clock, preamble);
  }
}

/** Through the same pool as everything else: says whether work would get done. */
async function answersWithin(
  pool: ConnectionPool,
  clock: Clock,
  timeoutMs: number,
): Promise<boolean> {
  const bound = Promise.withResolvers<boolean>();
  const timer = clock.after(timeoutMs, () => bound.resolve(false));
  const answer = within(pool, clock, systemPreamble, () => Promise.resolve(true)).catch(
    () => false,
  );
  try {
    return await Promise.race([answer, bound.promise]);
  } finally {
    timer.stop();
  }
}
