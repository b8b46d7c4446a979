import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { BackendBehaviour } from "./fake-backend.ts";

/** What a backend does with a connection; the client asks for it with its first byte. */
const backendModes = ["echo", "reset", "end-early", "deaf", "flood"] as const;
type BackendMode = (typeof backendModes)[number];
/** How a client ends its side. */
const endings = ["finish", "reset", "vanish"] as const;

/** How one session went, as its client saw it. */
export interface FuzzedSession {
  readonly mode: BackendMode;
  readonly ending: (typeof endings)[number];
  /** Undefined when nothing went wrong. */
  readonly problem: string | undefined;
}

export interface FuzzOptions {
  readonly port: number;
  readonly random: () => number;
  /** Speaks TLS; in clear unless it is set. */
  readonly isSecure?: boolean;
  /** A session that is not over by then hangs. */
  readonly withinMs: number;
}

/** A backend that behaves as its client asks, at random moments. */
export function fuzzBackend(
  random: () => number,
  /** What lies below TLS is reset there; undefined when it is gone already. */
  wireOf: (socket: Socket) => Socket | undefined = (socket) => socket,
): BackendBehaviour {
  return (socket) => {
    // Asked now: a socket that has ended no longer knows its port.
    const wire = wireOf(socket);
    if (wire === undefined) {
      socket.destroy();
      return;
    }
    socket.once("data", (first: Buffer) => {
      const mode = backendModes[first[0] ?? 0] ?? "echo";
      if (mode === "echo") {
        socket.write(first);
        socket.pipe(socket);
        return;
      }
      const reset = (): void => void wire.resetAndDestroy();
      misbehave(socket, { mode, random, reset });
    });
  };
}

interface Misbehaviour {
  readonly mode: Exclude<BackendMode, "echo">;
  readonly random: () => number;
  readonly reset: () => void;
}

function misbehave(socket: Socket, { mode, random, reset }: Misbehaviour): void {
  let left = Math.floor(random() * 100_000);
  socket.on("end", () => socket.end());
  switch (mode) {
    case "deaf":
      socket.pause();
      return;
    case "flood":
      socket.write(Buffer.alloc(Math.floor(random() * 2_000_000)));
      socket.resume();
      return;
    case "reset":
    case "end-early":
      socket.on("data", (data: Buffer) => {
        left -= data.length;
        if (left > 0) return;
        if (mode === "reset") reset();
        else socket.end();
      });
  }
}

/**
 * One client that does as chance has it: pieces of any size, pauses in reading, and one of several
 * ends. What it must not see: a byte that is not what it sent (an echo), a hang, or an echo cut short.
 */
export async function fuzzSession(options: FuzzOptions): Promise<FuzzedSession> {
  const { random, withinMs } = options;
  const mode = pick(backendModes, random);
  // Nobody reads at the other end: only a client that gives up gets away from there.
  const ending = mode === "deaf" ? "reset" : pick(endings, random);
  const sent = payload(backendModes.indexOf(mode), random);
  const line = lineTo(options);
  const { socket } = line;
  const over = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => over.resolve("hangs"), withinMs);
  let received = 0;
  socket.on("error", () => undefined);
  socket.on("close", () => over.resolve(undefined));
  socket.on("end", () => {
    if (ending === "finish") over.resolve(undefined);
    socket.end();
  });
  socket.on("data", (data: Buffer) => {
    if (mode === "echo" && !data.equals(sent.subarray(received, received + data.length))) {
      over.resolve(`not what was sent at byte ${received}`);
    }
    received += data.length;
    if (random() < 0.1) rest(socket);
  });
  speak(line, { sent, ending, random });
  const problem = (await over.promise) ?? shortEcho({ mode, ending, sent, received });
  clearTimeout(timer);
  socket.destroy();
  return { mode, ending, problem };
}

/** What a client speaks through, and what lies below it. */
interface Line {
  readonly socket: Socket;
  readonly wire: Socket;
  readonly opens: "connect" | "secureConnect";
}

function lineTo({ port, random, isSecure = false }: FuzzOptions): Line {
  const noDelay = random() < 0.5;
  const wire = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay });
  if (!isSecure) return { socket: wire, wire, opens: "connect" };
  wire.on("error", () => undefined);
  const maxVersion = random() < 0.5 ? "TLSv1.2" : "TLSv1.3";
  const socket = connectTls({ socket: wire, rejectUnauthorized: false, maxVersion });
  return { socket, wire, opens: "secureConnect" };
}

interface Speech {
  readonly sent: Buffer;
  readonly ending: FuzzedSession["ending"];
  readonly random: () => number;
}

/** Sends in pieces of any size, a turn of the loop apart, and then ends. */
function speak({ socket, wire, opens }: Line, { sent, ending, random }: Speech): void {
  let at = 0;
  const next = (): void => {
    if (socket.destroyed) return;
    const isCut = ending !== "finish" && random() < 0.1;
    if (at >= sent.length || isCut) {
      if (ending === "finish") socket.end();
      else if (ending === "reset") wire.resetAndDestroy();
      else socket.destroy();
      return;
    }
    const piece = sent.subarray(at, at + 1 + Math.floor(random() ** 3 * 100_000));
    at += piece.length;
    if (socket.write(piece) || ending !== "finish") setImmediate(next);
    else socket.once("drain", next);
  };
  socket.once(opens, next);
}

/** A reader that is slow for a moment. */
function rest(socket: Socket): void {
  socket.pause();
  setTimeout(() => socket.resume(), 5);
}

function shortEcho(session: {
  readonly mode: BackendMode;
  readonly ending: FuzzedSession["ending"];
  readonly sent: Buffer;
  readonly received: number;
}): string | undefined {
  const { mode, ending, sent, received } = session;
  if (mode !== "echo" || ending !== "finish" || received === sent.length) return undefined;
  return `${received} of ${sent.length} bytes came back`;
}

function payload(first: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(1 + Math.floor(random() ** 4 * 1_000_000));
  for (let at = 1; at < bytes.length; at += 1) bytes[at] = (at * 31 + (at >>> 8)) & 0xff;
  bytes[0] = first;
  return bytes;
}

function pick<T>(list: readonly [T, ...T[]], random: () => number): T {
  return list[Math.floor(random() * list.length)] ?? list[0];
}
