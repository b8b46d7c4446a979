import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

import type { Binaries } from "./binaries.ts";
import type { OsUser } from "./os-user.ts";
import { runProgram } from "./run-program.ts";

/** The owner of an embedded cluster, and of everything in it. */
export const embeddedUser = "midstream";

export interface ClusterOptions {
  readonly binaries: Binaries;
  readonly user: OsUser | undefined;
  /** Where the data lies; its parent is made, and must be reachable by `user`. */
  readonly folder: string;
  readonly password: string;
  /** For tests: skip waiting for the disk. */
  readonly noSync?: boolean;
}

/**
 * Makes the data folder when there is none. Interrupted at any moment it leaves either none or a
 * whole one.
 *
 * @throws Fault `storage/other-postgres-version`, `storage/initdb-failed`
 */
export async function ensureCluster(options: ClusterOptions): Promise<"made" | "found"> {
  const version = await versionIn(options.folder);
  if (version !== undefined && version !== options.binaries.majorVersion) {
    throw otherVersion(options, version);
  }
  if (version !== undefined) return "found";
  await makeCluster(options);
  return "made";
}

async function versionIn(folder: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, "PG_VERSION"), "utf8")).trim();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw failed(folder, "the data folder cannot be read", error);
  }
}

async function makeCluster(options: ClusterOptions): Promise<void> {
  const { folder, user } = options;
  const half = `${folder}.new`;
  const secret = await passwordFile(options);
  try {
    await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
    await rm(half, { recursive: true, force: true });
    await mkdir(half, { mode: 0o700 });
    if (user !== undefined) await chown(half, user.uid, user.gid);
    await initialise(options, half, secret.file);
    await rename(half, folder);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    throw error instanceof Fault ? error : failed(folder, "the data folder cannot be made", error);
  } finally {
    await rm(secret.folder, { recursive: true, force: true });
  }
}

async function initialise(options: ClusterOptions, folder: string, pwfile: string): Promise<void> {
  const args = [
    "-D",
    folder,
    "-U",
    embeddedUser,
    `--pwfile=${pwfile}`,
    "--auth=scram-sha-256",
    "--locale=C",
    "--encoding=UTF8",
    "--no-instructions",
    ...(options.noSync === true ? ["--no-sync"] : []),
  ];
  const outcome = await runProgram(options.binaries.initdb, args, options.user);
  if (!outcome.ok) throw failed(options.folder, `initdb said: ${outcome.output.trim()}`);
}

/** initdb reads the password from a file that its user, and nobody else, can read. */
async function passwordFile({ user, password }: ClusterOptions) {
  const folder = await mkdtemp(join(tmpdir(), "midstream-initdb-"));
  const file = join(folder, "password");
  await writeFile(file, `${password}\n`, { mode: 0o600, flag: "wx" });
  if (user !== undefined) {
    await chown(file, user.uid, user.gid);
    await chown(folder, user.uid, user.gid);
  }
  await chmod(folder, 0o700);
  return { folder, file };
}

function otherVersion(options: ClusterOptions, found: string): Fault {
  const wanted = options.binaries.majorVersion;
  return new Fault({
    code: "storage/other-postgres-version",
    owner: "platform",
    message:
      `${options.folder} was made by Postgres ${found}, this program brings Postgres ${wanted}: ` +
      `dump it with a Postgres ${found} and load it into an empty data folder, or choose another --data`,
  });
}

function failed(folder: string, why: string, cause?: unknown): Fault {
  return new Fault({
    code: "storage/initdb-failed",
    owner: "platform",
    message: `no Postgres data folder at ${folder}: ${why}; check space and permissions, or choose another --data`,
    cause,
  });
}
