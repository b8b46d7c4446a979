import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";

import { workerYoungGenerationMb } from "#shared/base/limits.ts";

import type { Command, WorkerInit, WorkerReport } from "./worker-protocol.ts";

/** What the main thread hears of a worker. */
export interface WorkerEars {
  readonly onReport: (report: WorkerReport) => void;
  /** The worker is dead: everything it held is gone. Called once, also after `terminate`. */
  readonly onExit: (cause: unknown) => void;
}

/** The main thread's hand on a worker. */
export interface WorkerThread {
  post(command: Command): void;
  /** Ends it at once, whatever it is doing. */
  terminate(): Promise<void>;
}

export type SpawnWorker = (init: WorkerInit, ears: WorkerEars) => WorkerThread;

/**
 * Starts a worker as a thread of this process.
 *
 * Every worker strips the types of its files, by WebAssembly whose compiled wrappers V8 keeps in one
 * cache for all threads. V8's collector frees from there what another thread has just taken (13.6: a
 * wrapper whose last reference is gone is still handed out until it is freed), and the process dies. So
 * it is off from the first worker on: what is left uncollected is bounded by that one program.
 */
export const spawnThread: SpawnWorker = (init, ears) => {
  setFlagsFromString("--no-wasm-code-gc");
  const worker = new Worker(new URL("worker-main.ts", import.meta.url), {
    name: `midstream-worker-${init.index}`,
    workerData: init,
    resourceLimits: { maxYoungGenerationSizeMb: workerYoungGenerationMb },
  });
  let failure: unknown;
  worker.on("message", (report: WorkerReport) => ears.onReport(report));
  worker.on("error", (error) => (failure = error));
  worker.on("exit", () => ears.onExit(failure));
  return {
    post: (command) => worker.postMessage(command),
    terminate: async () => {
      await worker.terminate();
    },
  };
};
