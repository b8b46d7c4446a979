import type { ChildProcess } from "node:child_process";

import { systemErrorCode } from "#shared/base/fault.ts";

/**
 * Kills a process that was started `detached`, and whatever it has started and is still in its
 * group: the group outlives its leader as long as one of its processes lives.
 */
export function killGroup({ pid }: Pick<ChildProcess, "pid">): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Nobody is left in the group, or what is left has become another user: then it stays.
    if (!["ESRCH", "EPERM"].includes(systemErrorCode(error) ?? "")) throw error;
  }
}
