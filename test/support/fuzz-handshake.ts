import { connect } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

import type { FuzzOptions } from "./fuzz-actors.ts";

/** What a client makes of its hello before it sends it. */
const spoils = ["cut", "flip", "insert", "garbage", "twice"] as const;
/** What it does then; whoever waits is to be closed. */
const ends = ["finish", "reset", "wait"] as const;

/**
 * One client that says something like a hello and goes no further. What it must not see: that nobody
 * ends the connection. Gives what went wrong, or undefined.
 */
export async function fuzzHandshake(options: FuzzOptions): Promise<string | undefined> {
  const { port, random, withinMs } = options;
  const spoil = pick(spoils, random);
  const end = pick(ends, random);
  const said = spoiled(await hello(), spoil, random);
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  const over = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => over.resolve(`hangs: ${spoil}, ${end}`), withinMs);
  socket.on("error", () => undefined);
  socket.on("close", () => over.resolve(undefined));
  socket.on("end", () => socket.end());
  socket.resume();
  socket.once("connect", () => {
    const half = Math.floor(random() * said.length);
    socket.write(said.subarray(0, half));
    setImmediate(() => {
      socket.write(said.subarray(half));
      if (end === "finish") socket.end();
      if (end === "reset") setImmediate(() => socket.resetAndDestroy());
    });
  });
  const problem = await over.promise;
  clearTimeout(timer);
  socket.destroy();
  return problem;
}

function spoiled(bytes: Buffer, how: (typeof spoils)[number], random: () => number): Buffer {
  const at = Math.floor(random() * bytes.length);
  const noise = Buffer.from(Array.from({ length: 1 + at }, () => Math.floor(random() * 256)));
  switch (how) {
    case "cut":
      return bytes.subarray(0, at);
    case "flip": {
      const flipped = Buffer.from(bytes);
      for (let left = 1 + Math.floor(random() * 8); left > 0; left -= 1) {
        flipped[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      return flipped;
    }
    case "insert":
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
    case "garbage":
      return noise;
    case "twice":
      return Buffer.concat([bytes, bytes]);
  }
}

/** What a client says first. */
async function hello(): Promise<Buffer> {
  const said = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer) => said.resolve(chunk),
  });
  const tls = connectTls({ socket: wire, servername: "a.test" });
  tls.on("error", () => undefined);
  const bytes = await said.promise;
  tls.destroy();
  return bytes;
}

function pick<T>(list: readonly [T, ...T[]], random: () => number): T {
  return list[Math.floor(random() * list.length)] ?? list[0];
}
