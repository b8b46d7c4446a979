import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

import { onTestFinished } from "vitest";

import { eventually } from "./eventually.ts";
import type { Cleanup } from "./processes.ts";

/** What a backend does with one connection; the socket's errors are listened to already. */
export type BackendBehaviour = (socket: Socket) => void;

export interface FakeBackend {
  readonly host: string;
  readonly port: number;
  /** Connections so far, and those that are open. */
  readonly accepted: number;
  readonly sockets: ReadonlySet<Socket>;
  /** Stops listening; connections that are open stay. */
  refuse(): void;
  /** Stops listening and destroys what is open; the port refuses from then on. */
  stop(): Promise<void>;
}

export interface FakeBackendOptions {
  readonly host?: string;
  /** 0 lets the system choose; a given one is for a backend that comes back. */
  readonly port?: number;
  /** A Unix socket instead of a port. */
  readonly path?: string;
  /** Goes on when the other side has ended; it does unless given. */
  readonly allowHalfOpen?: boolean;
  /** Where its end is registered; the end of the test unless given. */
  readonly cleanup?: Cleanup;
}

/** A real TCP backend on loopback, gone at the end of the test. */
export async function startBackend(
  behaviour: BackendBehaviour,
  options: FakeBackendOptions = {},
): Promise<FakeBackend> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const { allowHalfOpen = true } = options;
  const server = createServer({ allowHalfOpen, noDelay: true }, (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    behaviour(socket);
  });
  const host = options.host ?? "127.0.0.1";
  const where =
    options.path === undefined ? { host, port: options.port ?? 0 } : { path: options.path };
  // An outgoing connection may have been given the port of a backend that comes back, for a while.
  await eventually(async () => {
    server.listen({ ...where, backlog: 1_024 });
    await once(server, "listening");
  });
  const closed = once(server, "close");
  const stop = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  (options.cleanup ?? onTestFinished)(stop);
  return {
    host,
    port: options.path === undefined ? portOf(server.address()) : 0,
    get accepted() {
      return accepted;
    },
    sockets,
    refuse: () => {
      server.close();
    },
    stop,
  };
}

/** Sends back what it gets, and ends when the client ends. */
export const echo: BackendBehaviour = (socket) => {
  socket.pipe(socket);
};

/** Greets with `text` and ends its stream at once: tells which backend it was. */
export function greet(text: string): BackendBehaviour {
  return (socket) => {
    socket.resume();
    socket.end(text);
  };
}

/** Accepts, reads and says nothing. */
export const silent: BackendBehaviour = (socket) => {
  socket.resume();
  socket.on("end", () => socket.end());
};

/** Accepts and never reads. */
export const stuck: BackendBehaviour = (socket) => {
  socket.pause();
};

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== "object" || address === null) throw new Error("the backend has no port");
  return address.port;
}
