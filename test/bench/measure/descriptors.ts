import { readFileSync } from "node:fs";

import { runCommand } from "../../support/run-command.ts";
import { openFilesMaxOf } from "./proc.ts";

/** Enough for every row, where the host lets us have as many. */
const wanted = 65_536;

/** Files that this process may have open, and with it everything that it starts. */
export function descriptorsMax(): number {
  return openFilesMaxOf(readFileSync("/proc/self/limits", "utf8"));
}

/** Raises the limit for this process and what it starts, as far as the host allows; gives it. */
export async function raiseDescriptors(): Promise<number> {
  if (descriptorsMax() < wanted) {
    // Refused to ordinary users, who go on with what they have.
    await runCommand(["prlimit", "--pid", String(process.pid), `--nofile=${wanted}:${wanted}`]);
  }
  return descriptorsMax();
}
