import { afterAll } from "vitest";

import type { Cleanup } from "./processes.ts";

/** For what a whole file shares: undone after its last test, the last one first. */
export function suiteCleanup(): Cleanup {
  const undo: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const run of undo.toReversed()) await run();
  });
  return (run) => void undo.push(run);
}
