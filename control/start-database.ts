import { backoffMs } from "#shared/base/backoff.ts";
import { sleep, type Clock } from "#shared/base/clock.ts";
import { errorText, Fault } from "#shared/base/fault.ts";
import type { Lifetime } from "#shared/base/lifetime.ts";
import { databaseAwaitFirstMs, databaseAwaitMsMax } from "#shared/base/limits.ts";

import type { Log } from "./log.ts";
import type { Database } from "./storage/database.ts";
import { startEmbeddedPostgres } from "./storage/embedded-postgres.ts";
import { migrate } from "./storage/migrate.ts";
import { createPostgresDatabase } from "./storage/postgres-database.ts";
import { controlState } from "./storage/queries/control-state.ts";

export interface StartDatabaseDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly life: Lifetime;
  /** Told when the embedded Postgres ended although nobody stopped it. */
  readonly onLost: (fault: Fault) => void;
}

/** Where the database is: at a URL, or else embedded in a folder. */
export interface DatabasePlace {
  readonly databaseUrl?: string;
  readonly dataDir: string;
}

/**
 * The database, reachable. An embedded one is started and brought to the newest schema; one of the
 * operator's own is waited for, however long that takes, and never changed.
 *
 * @throws Fault `storage/…` when an embedded one cannot be started, `start/database-unusable` when
 *   the operator's own answers and has no schema of ours
 */
export async function startDatabase(
  deps: StartDatabaseDeps,
  place: DatabasePlace,
): Promise<Database> {
  const url = place.databaseUrl ?? (await startEmbedded(deps, place.dataDir));
  const { clock, random, log, life } = deps;
  const onListenBroken = (error: unknown): void => log.warn("database.listen-broken", { error });
  const database = life.own(createPostgresDatabase({ url, clock, random, onListenBroken }));
  await usable(deps, database);
  return database;
}

/** Brings the database to the newest schema, and leaves it as it was found: stopped if embedded. */
export async function migrateDatabase(
  deps: StartDatabaseDeps,
  place: DatabasePlace,
): Promise<void> {
  if (place.databaseUrl === undefined) await startEmbedded(deps, place.dataDir);
  else await migrate(place.databaseUrl);
}

async function startEmbedded(deps: StartDatabaseDeps, dataDir: string): Promise<string> {
  const { clock, log, life, onLost } = deps;
  const onNotice = (notice: string): void => log.info("database.notice", { notice });
  const embedded = await startEmbeddedPostgres({ dataDir, clock, onNotice, onExit: onLost });
  life.own(embedded);
  await migrate(embedded.url);
  return embedded.url;
}

/** Reads the one row that every schema of ours has: more than a ping, which no schema can be. */
async function usable(deps: StartDatabaseDeps, database: Database): Promise<void> {
  const pause = { firstMs: databaseAwaitFirstMs, maxMs: databaseAwaitMsMax };
  for (let attempt = 0; ; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- again only when this one failed
      await database.asSystem(controlState);
      return;
    } catch (error) {
      if (!isAway(error)) throw unusable(error);
      if (attempt === 0) deps.log.warn("database.awaited", { error });
    }
    // oxlint-disable-next-line no-await-in-loop -- waiting is the point
    await sleep(deps.clock, backoffMs(attempt, pause, deps.random));
  }
}

function isAway(error: unknown): boolean {
  return error instanceof Fault && error.code === "storage/unavailable";
}

function unusable(error: unknown): Fault {
  const cause = error instanceof Fault && error.cause !== undefined ? error.cause : error;
  return new Fault({
    code: "start/database-unusable",
    owner: "platform",
    message:
      `the database cannot be used: ${errorText(cause)}. Check DATABASE_URL, and bring the ` +
      "database to the schema of this version: npm run control -- migrate",
    cause: error,
  });
}
