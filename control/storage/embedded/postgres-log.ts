import { open, stat, truncate } from "node:fs/promises";

import { systemErrorCode } from "#shared/base/fault.ts";

/** A log bigger than this is emptied at the next start. */
const logBytesMax = 10 * 1024 * 1024;
const tailBytes = 2_048;

/** Keeps the log from growing for ever; called before Postgres starts. */
export async function trimLog(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > logBytesMax) await truncate(path);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}

/** The last lines of the log, for a failure's text. */
export async function logTail(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, start);
    return buffer.toString("utf8", 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}
