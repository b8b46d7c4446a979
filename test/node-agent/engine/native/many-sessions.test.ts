import { createSocket } from "node:dgram";
import { once } from "node:events";

import { expect, onTestFinished, test } from "vitest";

import { startDatagramRelay, type DatagramRelayProcess } from "../../../support/datagram-relay.ts";
import { eventually } from "../../../support/eventually.ts";
import { findNative } from "../../../support/native-engine.ts";
import { findProgram } from "../../../support/run-command.ts";
import { scaled } from "../../../support/scale.ts";

const native = await findNative();

const sessionsMax = scaled(15_000, 2_000);
const sessionBytesMax = 2_048;
const clientPort = 40_404;
const atOnce = 250;
const timeout = 240_000;

test(
  "idle sessions by the thousand take at most 2 KB of memory each",
  { timeout },
  async ({ skip }) => {
    if (native.kind === "none") return skip(native.why);
    const target = await startCounter();
    const relay = await startDatagramRelay({ file: native.file, target });
    await sendFrom({ relay, target }, { from: 0, to: 500 });
    await relay.report();
    const beforeBytes = relay.rssBytes();

    await sendFrom({ relay, target }, { from: 500, to: 500 + sessionsMax });
    const after = await relay.report();

    expect(after).toMatchObject({ arrived: 500 + sessionsMax, evicted: 0, ended: 0, failed: 0 });
    // Sanitizers keep a shadow of everything, and what was freed.
    if (process.env["MIDSTREAM_TEST_SANITIZE"] === "1") return;
    expect((relay.rssBytes() - beforeBytes) / sessionsMax).toBeLessThan(sessionBytesMax);
  },
);

test("when descriptors run out the oldest session makes room, and is counted", async ({ skip }) => {
  if (native.kind === "none") return skip(native.why);
  const prlimit = await findProgram("prlimit");
  if (prlimit === undefined) return skip("prlimit is not installed");
  const [descriptors, clients] = [400, 1_500];
  const target = await startCounter();
  const under = [prlimit, `--nofile=${descriptors}`];
  const relay = await startDatagramRelay({ file: native.file, target, under });

  await sendFrom({ relay, target }, { from: 0, to: clients });

  const report = await relay.report();
  expect(report.arrived).toBe(clients);
  expect(report.evicted).toBe(report.failed);
  expect(report.evicted).toBeGreaterThan(clients - descriptors);
});

interface Counter {
  readonly host: string;
  readonly port: number;
  readonly count: () => number;
}

/** A backend that only counts. */
async function startCounter(): Promise<Counter> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  onTestFinished(() => void socket.close());
  let count = 0;
  socket.on("message", () => {
    count += 1;
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { host: "127.0.0.1", port: socket.address().port, count: () => count };
}

/**
 * One datagram of each of so many clients, which have an address of 127.0.0.0/8 each; no faster than
 * they arrive, as nobody sends again what was lost.
 */
async function sendFrom(
  { relay, target }: { readonly relay: DatagramRelayProcess; readonly target: Counter },
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  for (let first = from; first < to; first += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, to - first) }, (_, at) => first + at);
    await Promise.all(numbers.map((number) => sendAs(number, relay.bound.port)));
    const expected = first + numbers.length;
    await eventually(() => target.count() === expected, { withinMs: 30_000, everyMs: 2 });
  }
}

async function sendAs(number: number, port: number): Promise<void> {
  const socket = createSocket("udp4");
  const address = `127.1.${Math.floor(number / 250)}.${(number % 250) + 1}`;
  socket.bind({ port: clientPort, address, exclusive: true });
  await once(socket, "listening");
  await new Promise((resolve) => socket.send("x", port, "127.0.0.1", resolve));
  socket.close();
}
