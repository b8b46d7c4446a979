import { readFileSync } from "node:fs";

import { childrenOf, isRunning } from "./os-processes.ts";

/** Processes that were there at one moment, for asking later whether any of them still is. */
export interface ProcessTree {
  readonly pids: readonly number[];
  /** Those that still run, as their command lines. */
  left(): readonly string[];
  /** Kills what still runs. */
  kill(): void;
}

/** A process and everything below it (Linux). */
export function processTree(root: number): ProcessTree {
  const pids = [root];
  for (const pid of pids) pids.push(...childrenOf(pid));
  return {
    pids,
    left: () => pids.filter(isRunning).map(commandLine),
    kill: () => {
      for (const pid of pids.filter(isRunning)) process.kill(pid, "SIGKILL");
    },
  };
}

function commandLine(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()}`;
  } catch {
    // It ended between the two looks.
    return String(pid);
  }
}
