/** A thread that makes a native engine, and stops it when told: see `engine/native/teardown.test.ts`. */
import { parentPort, workerData } from "node:worker_threads";

import { systemClock } from "#shared/base/clock.ts";

import { engineMaker } from "../../node-agent/engine/choose-engine.ts";

const create = engineMaker({ driver: "native", file: String(workerData) });
const engine = create({ clock: systemClock(), onEvents: () => undefined });
const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
await engine.listen(1, { address, reusePort: false, backlog: 1 });
parentPort?.on("message", (how: "stop" | "stop-and-exit") => {
  void engine.stop().then(() => {
    if (how === "stop-and-exit") process.exit();
    parentPort?.postMessage("stopped");
  });
});
parentPort?.postMessage("listening");
