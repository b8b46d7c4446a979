import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** How a client floods: says nothing, its hello byte by byte, breaks off after it, or after the handshake. */
export type Flood = "silent" | "slow" | "broken-off" | "idle-hello" | "wasted";

interface FloodTask {
  readonly port: number;
  /** A whole ClientHello. */
  readonly hello: Buffer;
  readonly how: Flood;
}

/** Clients that flood, each of whom comes again as soon as it is over. */
export interface RunningFlood {
  /** Connections of a kind that were over so far. */
  over(how: Flood): number;
  /** Closes all of them. */
  stop(): Promise<void>;
}

export interface FloodPlan {
  readonly port: number;
  readonly hello: Buffer;
  /** Connections of each kind at any time. */
  readonly clients: readonly (readonly [how: Flood, count: number])[];
}

const bytePauseMs = 100;
/** Between two connections of one client: the process that floods has to serve its honest clients too. */
const comeAgainMs = 20;

/** Floods until it is stopped. */
export function startFlood({ port, hello, clients }: FloodPlan): RunningFlood {
  const over = new AbortController();
  const ended = new Map<Flood, number>();
  const again = async (how: Flood): Promise<void> => {
    while (!over.signal.aborted) {
      await floodOnce({ port, hello, how }, over.signal);
      ended.set(how, (ended.get(how) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, comeAgainMs));
    }
  };
  const all = clients.flatMap(([how, count]) => Array.from({ length: count }, () => again(how)));
  return {
    over: (how) => ended.get(how) ?? 0,
    stop: async () => {
      over.abort();
      await Promise.all(all);
    },
  };
}

/** One connection of a flood; resolves once it is closed, by whomever. `stop` closes it. */
function floodOnce(task: FloodTask, stop: AbortSignal): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port: task.port, noDelay: true });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const cut = (): void => void socket.destroy();
  stop.addEventListener("abort", cut, { once: true });
  socket.on("error", () => undefined);
  socket.once("connect", () => play(socket, task));
  return closed.finally(() => stop.removeEventListener("abort", cut));
}

function play(socket: Socket, { hello, how }: FloodTask): void {
  if (how === "wasted") return waste(socket);
  socket.resume();
  switch (how) {
    case "silent":
      return;
    case "slow":
      return drip(socket, hello);
    case "broken-off":
      socket.write(hello, () => socket.resetAndDestroy());
      return;
    case "idle-hello":
      socket.write(hello);
      return;
  }
}

/** A whole handshake that nobody makes use of. */
function waste(socket: Socket): void {
  const tls = connectTls({ socket, rejectUnauthorized: false });
  tls.on("error", () => undefined);
  tls.once("secureConnect", () => socket.resetAndDestroy());
}

function drip(socket: Socket, hello: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(hello.subarray(at, at + 1));
    at += 1;
    if (at === hello.length) clearInterval(timer);
  }, bytePauseMs);
  socket.once("close", () => clearInterval(timer));
}

/** Asks over TLS and awaits the same back; undefined when that came, otherwise what went wrong. */
export function askHonestly(port: number, text: string): Promise<string | undefined> {
  const tls = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  const over = Promise.withResolvers<string | undefined>();
  let answer = "";
  tls.setTimeout(30_000, () => over.resolve("no answer"));
  tls.on("error", ({ message }: Error) => over.resolve(message));
  tls.on("close", () => over.resolve(`closed after ${answer.length} bytes`));
  tls.on("secureConnect", () => tls.write(text));
  tls.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
    if (answer === text) over.resolve(undefined);
  });
  return over.promise.finally(() => tls.destroy());
}
