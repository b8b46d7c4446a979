import { readdirSync, readFileSync } from "node:fs";

/** Who started a process (Linux). */
export function parentOf(pid: number): number {
  return Number(fieldsOf(pid)[1]);
}

/** Processes that a process started and that still run (Linux). */
export function childrenOf(pid: number): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((one) => Number(fieldsOf(one)[1]) === pid);
}

/** Whether a process runs; one that ended and was not waited for does not (Linux). */
export function isRunning(pid: number): boolean {
  const [state] = fieldsOf(pid);
  return state !== undefined && state !== "" && state !== "Z";
}

/** proc(5), from the state on; what stands in brackets before may hold spaces. */
function fieldsOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
