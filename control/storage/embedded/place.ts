import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import { sharedFolder } from "./binaries.ts";
import type { OsUser } from "./os-user.ts";
import { runProgram } from "./run-program.ts";

/** Where an embedded Postgres keeps its files, and whom it runs as. */
export interface PostgresPlace {
  readonly folder: string;
  /** Undefined: as this process. */
  readonly user: OsUser | undefined;
  /** Not below the data folder, which `user` cannot enter. */
  readonly elsewhere: boolean;
}

/** Names the folder when it is elsewhere. */
const pointerName = "postgres-folder";

/**
 * Chooses the place: `<data>/postgres`, or, when Postgres' user cannot enter there (a data folder
 * in root's home), one below `/var/lib/midstream` that a pointer file in the data folder names.
 *
 * @throws Fault `storage/data-folder-unusable`
 */
export async function postgresPlace(
  dataDir: string,
  user: OsUser | undefined,
  shared: string = sharedFolder,
): Promise<PostgresPlace> {
  const pointed = await pointedFolder(dataDir);
  if (pointed !== undefined) return owned({ folder: pointed, user, elsewhere: true });
  const folder = join(dataDir, "postgres");
  if (user === undefined || (await canEnter(dataDir, user))) {
    return owned({ folder, user, elsewhere: false });
  }
  const name = `${basename(dataDir)}-${sha256Hex(dataDir).slice(0, 12)}`;
  const elsewhere = join(shared, "data", name, "postgres");
  await writePointer(dataDir, elsewhere);
  return owned({ folder: elsewhere, user, elsewhere: true });
}

/** Makes the folder that everything of a control process is kept in. */
export async function ensureDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw unusable(`the data folder ${dataDir} cannot be made`, cause);
  }
}

async function pointedFolder(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, pointerName);
  try {
    const folder = (await readFile(path, "utf8")).trim();
    await stat(folder);
    return folder;
  } catch (cause) {
    const missing = systemErrorCode(cause) === "ENOENT";
    if (missing && !(await exists(path))) return undefined;
    throw unusable(`${path} names a folder with the database that is not there`, cause);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The folder first: a pointer to nothing would look like a lost database. */
async function writePointer(dataDir: string, folder: string): Promise<void> {
  try {
    await mkdir(join(folder, ".."), { recursive: true, mode: 0o755 });
    await writeFile(join(dataDir, pointerName), `${folder}\n`, { mode: 0o644 });
  } catch (cause) {
    throw unusable(
      `Postgres' user can enter neither ${dataDir}, nor can ${folder} be made for it`,
      cause,
    );
  }
}

/** Postgres runs as the owner of its files: root may come to a folder that another user made. */
async function owned(place: PostgresPlace): Promise<PostgresPlace> {
  if (place.user === undefined) return place;
  try {
    const { uid, gid } = await stat(place.folder);
    return uid === 0 ? place : { ...place, user: { name: `uid ${uid}`, uid, gid } };
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return place;
    throw unusable(`${place.folder} cannot be looked at`, cause);
  }
}

async function canEnter(folder: string, user: OsUser): Promise<boolean> {
  return (await runProgram("/bin/sh", ["-c", 'cd "$0"', folder], user)).ok;
}

function unusable(what: string, cause: unknown): Fault {
  return new Fault({
    code: "storage/data-folder-unusable",
    owner: "platform",
    message: `${what}: check space and permissions, or choose another --data`,
    cause,
  });
}
