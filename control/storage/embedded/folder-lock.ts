import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pid } from "node:process";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

import { sendSignal } from "./send-signal.ts";

/** Keeps a second process from using the same data folder. */
export interface FolderLock {
  release(): Promise<void>;
}

/** Whoever holds a lock: the pid alone would be mistaken for another process after a reboot. */
interface Holder {
  readonly pid: number;
  /** When the process began, in the kernel's ticks; empty where /proc is missing. */
  readonly began: string;
}

/** Two that find the same stale lock may both try; the loser looks again. */
const triesMax = 5;

/**
 * Takes the lock of a data folder. One that a dead process left is replaced.
 * @throws Fault `storage/data-folder-in-use` naming the process that has it
 */
export async function lockFolder(dataDir: string): Promise<FolderLock> {
  const path = join(dataDir, "control.lock");
  const own: Holder = { pid, began: await beginOf(pid) };
  for (let tries = 0; tries < triesMax; tries += 1) {
    // oxlint-disable-next-line no-await-in-loop -- looks again after each try
    const holder = await tryLock(path, own);
    if (holder === undefined) return { release: () => rm(path, { force: true }) };
    // oxlint-disable-next-line no-await-in-loop -- looks again after each try
    if (await isAlive(holder)) throw inUse(dataDir, holder);
    // oxlint-disable-next-line no-await-in-loop -- looks again after each try
    await removeStale(path, holder);
  }
  throw inUse(dataDir, own);
}

/** Undefined when the lock is ours now, otherwise who has it. */
async function tryLock(path: string, own: Holder): Promise<Holder | undefined> {
  const aside = asideOf(path);
  await writeFile(aside, `${own.pid} ${own.began}\n`, { mode: 0o644 });
  try {
    await link(aside, path);
    return undefined;
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    return await holderIn(path);
  } finally {
    await rm(aside, { force: true });
  }
}

/** Moved away before it is deleted: another process may have put its own there meanwhile. */
async function removeStale(path: string, stale: Holder): Promise<void> {
  const aside = asideOf(path);
  try {
    await rename(path, aside);
    const taken = await holderIn(aside);
    const isStale = Object.is(taken.pid, stale.pid) && taken.began === stale.began;
    if (!isStale) await link(aside, path);
  } catch (error) {
    // Gone already, or replaced once more: the next look tells.
    if (!["ENOENT", "EEXIST"].includes(systemErrorCode(error) ?? "")) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

function asideOf(path: string): string {
  return `${path}.${randomBytes(6).toString("hex")}`;
}

async function holderIn(path: string): Promise<Holder> {
  const text = await readFile(path, "utf8").catch(() => "");
  const [holder, began] = text.trim().split(" ");
  return { pid: Number(holder), began: began ?? "" };
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (!Number.isInteger(holder.pid) || holder.pid <= 0 || !sendSignal(holder.pid, 0)) return false;
  return (await beginOf(holder.pid)) === holder.began;
}

/**
 * Field 22 of /proc/pid/stat (proc(5)); what stands in brackets before may hold spaces. Empty for a
 * process that ended and was not waited for.
 */
async function beginOf(process: number): Promise<string> {
  const text = await readFile(`/proc/${process}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}

function inUse(dataDir: string, holder: Holder): Fault {
  return new Fault({
    code: "storage/data-folder-in-use",
    owner: "platform",
    message:
      `another control process (pid ${holder.pid}) uses ${dataDir}: ` +
      "stop it, or choose another --data",
  });
}
