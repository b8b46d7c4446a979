import type { Clock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

const lookEveryMs = 250;

/**
 * Calls `onOrphaned` once when the process that started this one is gone. A killed npm passes no
 * signal on; what it leaves is a new parent.
 */
export function watchParent(clock: Clock, onOrphaned: () => void): Stoppable {
  const parentId = process.ppid;
  const looking = clock.every(lookEveryMs, () => {
    if (process.ppid === parentId) return;
    looking.stop();
    onOrphaned();
  });
  return { name: "parent watch", stop: () => looking.stop() };
}
