import type { Clock } from "#shared/base/clock.ts";

import { createPortableEngine } from "../../node-agent/engine/portable/portable-engine.ts";
import type { SpawnWorker } from "../../node-agent/flow/spawn-thread.ts";
import { TrafficWorker } from "../../node-agent/flow/traffic-worker.ts";

/**
 * Workers inside the test's own thread, on the test's clock: what they are told is copied and
 * arrives a turn later, as it would from another thread.
 */
export function spawnInline(clock: Clock): SpawnWorker {
  return (init, ears) => {
    let worker: TrafficWorker | undefined;
    setImmediate(() => {
      worker = new TrafficWorker(
        {
          clock,
          random: Math.random,
          createEngine: createPortableEngine,
          report: (report) => setImmediate(() => ears.onReport(structuredClone(report))),
        },
        init,
      );
    });
    return {
      post: (command) => {
        const copy = structuredClone(command);
        setImmediate(() => worker?.handle(copy));
      },
      terminate: async () => {
        ears.onExit(undefined);
        return Promise.resolve();
      },
    };
  };
}
