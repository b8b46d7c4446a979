import { join } from "node:path";

import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";

import { databaseConnectMsMax, databaseMigrateMsMax } from "#shared/base/limits.ts";

import { storageFault } from "./storage-fault.ts";

/** Where the migrations lie, as drizzle's journal names them. */
const migrationsFolder = join(import.meta.dirname, "migrations");

/** Any number, the same in every process that migrates. */
const lockKey = 5_271_640_001;

/**
 * Brings the database at `url` to the newest schema; does nothing when it is there already. Several
 * processes may call it at the same time: they take turns.
 *
 * The user of the URL becomes the owner of everything. It need not be a superuser, but must be
 * allowed to make roles (CREATEROLE) unless `midstream_tenant` and `midstream_system` exist and
 * are granted to it.
 *
 * @throws Fault `storage/unavailable` or `storage/query-failed`
 */
export async function migrate(url: string): Promise<void> {
  const sql = postgres(url, {
    max: 2,
    prepare: false,
    connect_timeout: databaseConnectMsMax / 1_000,
    onnotice: () => undefined,
  });
  try {
    // The lock's transaction stays open while the other connection migrates.
    await sql.begin(async (lock) => {
      await lock.unsafe(`SET LOCAL lock_timeout = ${databaseMigrateMsMax}`);
      await lock.unsafe(`SELECT pg_advisory_xact_lock(${lockKey})`);
      await runMigrations(drizzle({ client: sql }), { migrationsFolder });
    });
  } catch (error) {
    throw storageFault(error);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
