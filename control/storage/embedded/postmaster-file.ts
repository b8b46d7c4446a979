import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { systemErrorCode } from "#shared/base/fault.ts";

/** What a running Postgres says about itself in its data folder (`postmaster.pid`). */
export interface PostmasterFile {
  readonly pid: number;
  /** `starting`, `ready`, `stopping`, `standby`; empty in the first moments. */
  readonly status: string;
}

/** The file, or undefined when no Postgres runs there (or it is just being written). */
export async function postmasterFile(folder: string): Promise<PostmasterFile | undefined> {
  try {
    const lines = (await readFile(join(folder, "postmaster.pid"), "utf8")).split("\n");
    const pid = Number(lines[0]);
    // Line 8 is the status (src/include/utils/pidfile.h), padded with spaces.
    return pid > 0 ? { pid, status: lines[7]?.trim() ?? "" } : undefined;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
