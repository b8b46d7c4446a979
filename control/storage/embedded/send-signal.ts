import { kill } from "node:process";

import { systemErrorCode } from "#shared/base/fault.ts";

/** Sends a signal (0 only asks); whether the process is there, also when it is another user's. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return kill(pid, signal);
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
