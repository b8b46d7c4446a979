import {
  spawnThread,
  type SpawnWorker,
  type WorkerThread,
} from "../../node-agent/flow/spawn-thread.ts";
import { startPlane, type PlaneOptions, type PlaneUnderTest } from "./data-plane.ts";

/** A data plane whose worker threads throw when the test says so: a command without its terms. */
export async function crashable(
  workers: number,
  { spawn: start = spawnThread, ...options }: Omit<PlaneOptions, "workers"> = {},
): Promise<{ readonly under: PlaneUnderTest; readonly crash: (worker: number) => void }> {
  const threads = new Map<number, WorkerThread>();
  const spawn: SpawnWorker = (init, ears) => {
    const thread = start(init, ears);
    threads.set(init.index, thread);
    return thread;
  };
  const under = await startPlane({ ...options, workers, spawn });
  return {
    under,
    crash: (worker) => threads.get(worker)?.post({ do: "serve" } as never),
  };
}
