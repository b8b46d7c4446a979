import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";

import { onTestFinished } from "vitest";

/** A thread that listens and never accepts: it blocks as soon as it has told its port. */
const listener = `
  const { createServer } = require("node:net");
  const { parentPort } = require("node:worker_threads");
  const server = createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

const connectionsMax = 64;

/**
 * An address on loopback that answers no connection attempt, neither with yes nor with no: its queue
 * is full, so the system drops what arrives (Linux). Gone at the end of the test.
 */
export async function startBlackHole(): Promise<{ readonly host: string; readonly port: number }> {
  const worker = new Worker(listener, { eval: true });
  onTestFinished(async () => {
    await worker.terminate();
  });
  const [port]: [number] = (await once(worker, "message")) as [number];
  for (let index = 0; index < connectionsMax; index += 1) {
    if (!(await isAnswered(port))) return { host: "127.0.0.1", port };
  }
  throw new Error("the queue of the black hole did not fill up");
}

/** The connections that fill the queue stay open until the test ends. */
async function isAnswered(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  const timeout = AbortSignal.timeout(250);
  return once(socket, "connect", { signal: timeout }).then(
    () => true,
    () => false,
  );
}
