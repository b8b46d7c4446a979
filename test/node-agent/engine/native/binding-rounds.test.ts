import { createSocket } from "node:dgram";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { listenerTerms, sessionTerms } from "../../../contracts/engine/datagram-rig.ts";
import { eventually } from "../../../support/eventually.ts";
import { findNative } from "../../../support/native-engine.ts";
import { openSockets } from "../../../support/open-sockets.ts";
import { scaled } from "../../../support/scale.ts";
import { startUdpBackend } from "../../../support/udp-backend.ts";

const native = await findNative();

const rounds = scaled(100, 20);
const senders = 8;

test("X-UDP-22 an address is taken and given up 100 times under datagrams, and nothing is left", async ({
  skip,
}) => {
  if (native.kind === "none") return skip(native.why);
  const backend = await startUdpBackend((bytes) => bytes);
  const told = { arrived: 0, ended: 0 };
  const engine = native.create({
    clock: systemClock(),
    onEvents: (events) => {
      for (const event of events) {
        if (event.kind === "session-ended") told.ended += 1;
        if (event.kind !== "arrived") continue;
        told.arrived += 1;
        engine.datagrams?.forward(event.session, backend, sessionTerms);
      }
    },
  });
  onTestFinished(() => engine.stop());
  const bind = async (listener: number, port: number): Promise<number> => {
    const outcome = await engine.datagrams?.bind(listener, {
      address: { host: "127.0.0.1", port },
      reusePort: false,
      terms: listenerTerms,
    });
    if (outcome?.ok !== true) throw new Error(`cannot bind: ${outcome?.code}`);
    return outcome.port;
  };
  const port = await bind(0, 0);
  await engine.datagrams?.unbind(0, { keepsAddress: false, reason: "removed" });
  const stopSending = flood(port);
  const round = async (listener: number): Promise<void> => {
    await bind(listener, port);
    const seen = told.arrived;
    await eventually(() => told.arrived >= seen + senders, { everyMs: 5 });
    await engine.datagrams?.unbind(listener, { keepsAddress: false, reason: "removed" });
  };
  // From the first round on every sender has its socket.
  await round(1);
  const before = openSockets();
  for (let count = 2; count <= rounds; count += 1) await round(count);

  expect(openSockets()).toBe(before);
  stopSending();
  await engine.stop();
  expect(told.arrived).toBeGreaterThan(rounds);
  expect(told.ended).toBe(told.arrived);
  expect(backend.received.length).toBeGreaterThan(rounds);
});

/** Clients that go on sending whether somebody listens or not. */
function flood(port: number): () => void {
  const sockets = Array.from({ length: senders }, () => createSocket("udp4"));
  let isOver = false;
  for (const socket of sockets) {
    // Nobody listens between two rounds.
    socket.on("error", () => undefined);
    const sendOn = (): void => {
      if (!isOver) socket.send("x", port, "127.0.0.1", () => setImmediate(sendOn));
    };
    sendOn();
  }
  const stop = (): void => {
    if (isOver) return;
    isOver = true;
    for (const socket of sockets) socket.close();
  };
  onTestFinished(stop);
  return stop;
}
