import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid, kill, pid } from "node:process";

import postgres from "postgres";

import { systemClock } from "#shared/base/clock.ts";

import { usableBinaries } from "../../control/storage/embedded/binaries.ts";
import { embeddedUser, ensureCluster } from "../../control/storage/embedded/cluster.ts";
import { postgresOsUser } from "../../control/storage/embedded/os-user.ts";
import { startPostmaster } from "../../control/storage/embedded/postmaster.ts";
import { migrate } from "../../control/storage/migrate.ts";

/** A Postgres for tests: nothing reaches the disk for sure, everything is gone afterwards. */
export interface TestCluster {
  /** Its superuser, on the database `postgres`. */
  readonly adminUrl: string;
  /** A migrated database to copy. */
  readonly template: string;
  stop(): Promise<void>;
}

const folderPrefix = "midstream-test-postgres-";
const template = "midstream_template";

/** Starts one and migrates its template. It ends with this process, however that ends. */
export async function startTestCluster(): Promise<TestCluster> {
  await removeAbandoned();
  const root = await mkdtemp(join(tmpdir(), `${folderPrefix}${pid}-`));
  await chmod(root, 0o755);
  const user = await postgresOsUser();
  const binaries = await usableBinaries(user);
  const password = randomBytes(18).toString("base64url");
  const folder = join(root, "data");
  await ensureCluster({ binaries, user, folder, password, noSync: true });
  const postmaster = await startPostmaster({
    binaries,
    user,
    folder,
    logFile: join(root, "postgres.log"),
    clock: systemClock(),
    settings: [
      "fsync=off",
      "synchronous_commit=off",
      "full_page_writes=off",
      "max_connections=200",
    ],
  });
  const urlOf = (database: string): string =>
    `postgres://${embeddedUser}:${password}@127.0.0.1:${postmaster.port}/${database}`;
  await makeTemplate(urlOf);
  const stop = async (): Promise<void> => {
    await postmaster.stop();
    await rm(root, { recursive: true, force: true });
  };
  return { adminUrl: urlOf("postgres"), template, stop };
}

async function makeTemplate(urlOf: (database: string) => string): Promise<void> {
  const admin = postgres(urlOf("postgres"), { max: 1, onnotice: () => undefined });
  await admin.unsafe(`CREATE DATABASE ${template}`);
  await admin.end();
  await migrate(urlOf(template));
}

/** Folders of this user's runs whose process was killed; their Postgres ended with it. */
async function removeAbandoned(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(folderPrefix));
  for (const name of names) {
    const owner = Number(name.slice(folderPrefix.length).split("-")[0]);
    const folder = join(tmpdir(), name);
    if (isAlive(owner) || !(await isOurs(folder))) continue;
    await rm(folder, { recursive: true, force: true });
  }
}

/** Root's runs leave folders that another user can see and not remove. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found?.uid === getuid?.();
}

function isAlive(owner: number): boolean {
  try {
    return kill(owner, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
