import { createSocket } from "node:dgram";
import { once } from "node:events";

import { onTestFinished } from "vitest";

import { eventually } from "./eventually.ts";

/** A UDP backend that only counts. */
export interface CountingBackend {
  readonly host: string;
  readonly port: number;
  readonly count: () => number;
}

export async function startCountingBackend(): Promise<CountingBackend> {
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

const clientPort = 40_404;
const atOnce = 250;

/** Which clients send, and where to: the backend behind it is the one that counts. */
export interface FleetingClients {
  readonly port: number;
  readonly backend: CountingBackend;
  readonly from: number;
  readonly to: number;
}

/**
 * One datagram of each of so many clients, which have an address of 127.0.0.0/8 each and are gone
 * then; no faster than they arrive, as nobody sends again what was lost. Nobody else sends to the backend.
 */
export async function sendFromEach({ port, backend, from, to }: FleetingClients): Promise<void> {
  const before = backend.count();
  for (let first = from; first < to; first += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, to - first) }, (_, at) => first + at);
    await Promise.all(numbers.map((number) => sendAs(number, port)));
    const expected = before + first - from + numbers.length;
    await eventually(() => backend.count() === expected, { everyMs: 2 });
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
