/** A worker thread's first file: puts its parts together on real time and real randomness. */
import { parentPort, workerData } from "node:worker_threads";

import { systemClock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";

import { agentVersion } from "../agent-version.ts";
import { engineMaker } from "../engine/choose-engine.ts";
import { TrafficWorker } from "./traffic-worker.ts";
import type { Command, WorkerInit } from "./worker-protocol.ts";

const port = parentPort;
if (port === null) {
  throw new Fault({
    code: "flow/not-a-worker",
    owner: "platform",
    message: "worker-main runs as a worker thread only",
  });
}
const init = initOf(workerData);
if (init.agentVersion !== agentVersion) {
  throw new Fault({
    code: "flow/other-version",
    owner: "node",
    message: `the agent is version ${init.agentVersion}, and its files are ${agentVersion} now: restart it`,
  });
}
const worker = new TrafficWorker(
  {
    clock: systemClock(),
    random: Math.random,
    createEngine: engineMaker(init.engine),
    report: (report) => port.postMessage(report),
  },
  init,
);
port.on("message", (command: Command) => worker.handle(command));

/** Guarantee: only `spawnThread` starts this file, and it hands in a WorkerInit. */
function initOf(data: unknown): WorkerInit {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return data as WorkerInit;
}
