import { readFileSync } from "node:fs";

import { processTree } from "../../support/process-tree.ts";
import { cpuMsOf, residentKbOf } from "./proc.ts";

/** Processor time that a process and everything below it has used so far, in milliseconds. */
export function cpuMs(pid: number): number {
  return sumOf(pid, (one) => cpuMsOf(readFileSync(`/proc/${one}/stat`, "utf8")));
}

/** Resident memory of a process and everything below it, in kilobytes. */
export function residentKb(pid: number): number {
  return sumOf(pid, (one) => residentKbOf(readFileSync(`/proc/${one}/status`, "utf8")));
}

function sumOf(pid: number, valueOf: (pid: number) => number): number {
  return processTree(pid).pids.reduce((sum, one) => sum + orNothing(() => valueOf(one)), 0);
}

/** A process may end between the two looks; its parent has its time then. */
function orNothing(read: () => number): number {
  try {
    return read();
  } catch {
    return 0;
  }
}
