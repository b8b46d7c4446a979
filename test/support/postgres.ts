import { randomBytes } from "node:crypto";

import postgres, { type Sql } from "postgres";

import { systemClock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

import type { Database } from "../../control/storage/database.ts";
import { createPostgresDatabase } from "../../control/storage/postgres-database.ts";
import { askForCluster, clusterSocketVariable } from "./cluster-socket.ts";
import { startTestCluster } from "./test-cluster.ts";

/** A migrated database of one's own on the run's Postgres. */
export interface TestDatabase {
  /** As the owner of everything: for `DATABASE_URL` of a real process. */
  readonly url: string;
  readonly database: Database & Stoppable;
  /** The owner's direct access, past row-level security: to arrange and to look. */
  readonly sql: Sql;
  stop(): Promise<void>;
}

/**
 * Makes one, in some 50 ms. Under vitest the run's Postgres is shared by all files; elsewhere one
 * is started for this process, and `stop` of the last database leaves it to end with the process.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const { adminUrl, template } = await cluster();
  const name = `test_${randomBytes(6).toString("hex")}`;
  const admin = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = adminUrl.replace(/\/postgres$/, `/${name}`);
  const sql = postgres(url, { max: 4, onnotice: () => undefined });
  const database = createPostgresDatabase({ url, clock: systemClock(), random: Math.random });
  const stop = async (): Promise<void> => {
    await database.stop();
    await sql.end({ timeout: 1 });
    await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end({ timeout: 1 });
  };
  return { url, database, sql, stop };
}

let ownCluster: ReturnType<typeof startTestCluster> | undefined;

function cluster(): Promise<{ readonly adminUrl: string; readonly template: string }> {
  const path = process.env[clusterSocketVariable];
  if (path !== undefined) return askForCluster(path);
  ownCluster ??= startTestCluster();
  return ownCluster;
}
