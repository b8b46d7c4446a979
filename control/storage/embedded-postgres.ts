import { join } from "node:path";

import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

import { usableBinaries } from "./embedded/binaries.ts";
import { embeddedUser, ensureCluster } from "./embedded/cluster.ts";
import { lockFolder, type FolderLock } from "./embedded/folder-lock.ts";
import { clearLeftover } from "./embedded/leftover.ts";
import { postgresOsUser } from "./embedded/os-user.ts";
import { embeddedPassword } from "./embedded/password-file.ts";
import { ensureDataDir, postgresPlace } from "./embedded/place.ts";
import { logTail } from "./embedded/postgres-log.ts";
import { startPostmaster, type Postmaster } from "./embedded/postmaster.ts";

export interface EmbeddedPostgresOptions {
  /** Absolute. Holds the database, its log, its password and the lock. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** Told what an operator may wonder about later: where the files are, what was cleaned up. */
  readonly onNotice: (message: string) => void;
  /** Told when Postgres ended although nobody stopped it. */
  readonly onExit: (fault: Fault) => void;
}

/** A Postgres of this process' own; it ends with the process, however that ends. */
export interface EmbeddedPostgres extends Stoppable {
  /** As the owner of everything. Holds the password. */
  readonly url: string;
  /** Where the data lies. */
  readonly folder: string;
}

/**
 * Starts the bundled Postgres on a data folder, making the database on the first start. Works as an
 * ordinary user and as root, who hands Postgres to another user.
 *
 * @throws Fault `storage/…` that says what is wrong and what to do
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  await ensureDataDir(options.dataDir);
  const lock = await lockFolder(options.dataDir);
  try {
    return await startLocked(options, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startLocked(
  options: EmbeddedPostgresOptions,
  lock: FolderLock,
): Promise<EmbeddedPostgres> {
  const { dataDir, clock, onNotice } = options;
  const { folder, user, elsewhere } = await postgresPlace(dataDir, await postgresOsUser());
  if (elsewhere) onNotice(`the database lies in ${folder}: its user cannot enter ${dataDir}`);
  const binaries = await usableBinaries(user);
  const password = await embeddedPassword(dataDir);
  const left = await clearLeftover(folder, clock);
  if (left === "stopped") onNotice(`stopped a Postgres that was left on ${folder}`);
  const found = await ensureCluster({ binaries, user, folder, password });
  if (found === "made") onNotice(`made a database in ${folder}`);
  const logFile = join(dataDir, "postgres.log");
  const postmaster = await startPostmaster({ binaries, user, folder, logFile, clock });
  const stop = stopper(options, { postmaster, lock, folder, logFile });
  const { port } = postmaster;
  const url = `postgres://${embeddedUser}:${password}@127.0.0.1:${port}/postgres`;
  return { name: "embedded postgres", url, folder, stop };
}

interface Running {
  readonly postmaster: Postmaster;
  readonly lock: FolderLock;
  readonly folder: string;
  readonly logFile: string;
}

/** Watches for an end that nobody asked for, and gives what stops it in order. */
function stopper(
  options: EmbeddedPostgresOptions,
  { postmaster, lock, folder, logFile }: Running,
): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  void postmaster.exited.then(async () => {
    if (stopping === undefined) options.onExit(endedByItself(await logTail(logFile)));
  });
  const stopAll = async (): Promise<void> => {
    await postmaster.stop();
    await clearLeftover(folder, options.clock);
    await lock.release();
  };
  return () => {
    stopping ??= stopAll();
    return stopping;
  };
}

function endedByItself(log: string): Fault {
  return new Fault({
    code: "storage/postgres-ended",
    owner: "platform",
    message: `the embedded Postgres ended by itself; its log ends with:\n${log}`,
  });
}
