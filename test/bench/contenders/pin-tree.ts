import { processTree } from "../../support/process-tree.ts";
import { outputOf } from "../../support/run-command.ts";

/** Confines all threads of a process and of everything below it, for as long as they live. */
export async function pinTree(pid: number, processors: string | undefined): Promise<void> {
  if (processors === undefined) return;
  for (const one of processTree(pid).pids) {
    await outputOf(["taskset", "--all-tasks", "--cpu-list", "--pid", processors, String(one)]);
  }
}
