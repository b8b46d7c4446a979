import { readFileSync } from "node:fs";

import type { Clock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

const lookEveryMs = 250;

/**
 * Calls `onOrphaned` once when the process that started this one is gone. A killed npm passes no
 * signal on; what it leaves is a new parent: ours, or that of the shell that npm runs scripts in,
 * which is looked at as well when `throughShell` is set.
 */
export function watchParent(
  clock: Clock,
  throughShell: boolean,
  onOrphaned: () => void,
): Stoppable {
  const parents = (): string => [process.ppid, throughShell && parentOf(process.ppid)].join();
  const first = parents();
  const looking = clock.every(lookEveryMs, () => {
    if (parents() === first) return;
    looking.stop();
    onOrphaned();
  });
  return { name: "parent watch", stop: () => looking.stop() };
}

/** The parent of a process, by proc(5); undefined where there is none to read. */
function parentOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[1];
  } catch {
    return undefined;
  }
}
