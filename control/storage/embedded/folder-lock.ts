import { once } from "node:events";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { pid, platform } from "node:process";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";

import { sendSignal } from "./send-signal.ts";

/** Keeps a second process from using the same data folder. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a data folder; what a dead process left is no obstacle.
 *
 * On Linux an abstract Unix socket is the lock: the kernel gives it to one process and takes it back
 * when that ends, however it ends. Elsewhere the file with the holder's number has to do, and two
 * that start in the same moment may both believe it.
 *
 * @throws Fault `storage/data-folder-in-use` naming the process that has it
 */
export async function lockFolder(dataDir: string): Promise<FolderLock> {
  const file = join(dataDir, "control.pid");
  const holder = await holderIn(file);
  const socket = platform === "linux" ? await claimed(dataDir) : undefined;
  const isFree = platform === "linux" ? socket !== undefined : !isAlive(holder);
  if (!isFree) throw inUse(dataDir, holder);
  await writeFile(file, `${pid}\n`, { mode: 0o644 });
  return {
    release: async () => {
      await rm(file, { force: true });
      socket?.close();
    },
  };
}

/** The socket that stands for the folder, whatever path leads there; undefined when it is taken. */
async function claimed(dataDir: string): Promise<Server | undefined> {
  const { dev, ino } = await stat(dataDir);
  const socket = createServer((visitor) => visitor.destroy());
  socket.unref();
  socket.listen(`\0midstream-data-${dev}-${ino}`);
  try {
    await once(socket, "listening");
    return socket;
  } catch (error) {
    if (systemErrorCode(error) === "EADDRINUSE") return undefined;
    throw error;
  }
}

/** 0 when the file names nobody. */
async function holderIn(file: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => "");
  return /^\d+\n$/.test(text) ? Number(text) : 0;
}

function isAlive(holder: number): boolean {
  return holder > 0 && holder !== pid && sendSignal(holder, 0);
}

function inUse(dataDir: string, holder: number): Fault {
  const who = holder > 0 ? `another control process (pid ${holder})` : "another control process";
  return new Fault({
    code: "storage/data-folder-in-use",
    owner: "platform",
    message: `${who} uses ${dataDir}: stop it, or choose another --data`,
  });
}
