import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

/**
 * The few things the agent does to files, each a step that can fail or be the last one before a
 * crash. All reject with the system's error.
 */
export interface Disk {
  /** The file's text, or undefined when there is none. Refuses more than `bytesMax`. */
  read(path: string, bytesMax: number): Promise<string | undefined>;
  /** Names of what is in a folder; none when it is not there. */
  list(folder: string): Promise<readonly string[]>;
  /** Creates or replaces; may be lost or torn by a crash until it is synced. */
  write(path: string, text: string, mode: number): Promise<void>;
  /** Makes a file's content, or a folder's names, survive a crash. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removing what is not there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder with everything in it; one that is not there is fine. */
  removeFolder(path: string): Promise<void>;
  /** Creates the folder and its parents; one that is there is fine. */
  makeFolder(path: string, mode: number): Promise<void>;
}

/** The disk of the host. */
export function hostDisk(): Disk {
  return {
    read: readBounded,
    list: listIfThere,
    write: writeWhole,
    sync: syncPath,
    rename,
    remove: (path) => rm(path, { force: true }),
    removeFolder: (path) => rm(path, { recursive: true, force: true }),
    makeFolder: async (path, mode) => {
      await mkdir(path, { recursive: true, mode });
    },
  };
}

async function readBounded(path: string, bytesMax: number): Promise<string | undefined> {
  const file = await openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size > bytesMax) throw tooBig(path, size, bytesMax);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

async function listIfThere(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function openIfThere(path: string): Promise<Awaited<ReturnType<typeof open>> | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, "w", mode);
  try {
    // The mode above counts only for a new file, and is cut by the umask.
    await file.chmod(mode);
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Who may use a file besides its owner; undefined when it is not there. */
export async function permissionsOf(
  path: string,
): Promise<{ readonly mode: number; readonly uid: number } | undefined> {
  try {
    const { mode, uid } = await stat(path);
    return { mode: mode & 0o777, uid };
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function tooBig(path: string, size: number, bytesMax: number): Fault {
  const message = `${path} has ${size} bytes; at most ${bytesMax} are read`;
  return new Fault({ code: "runtime/file-too-big", owner: "node", message });
}
