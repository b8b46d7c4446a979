import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

import type { Cleanup } from "./processes.ts";

/** A TCP relay in front of something, which can misbehave as networks do. */
export interface TcpRelay {
  readonly port: number;
  /** Connections open through it. */
  readonly open: number;
  /** From now on nothing passes in either direction, and nobody is told. */
  freeze(): void;
  thaw(): void;
  /** After the client has sent this text, nothing comes back any more: the connection is cut. */
  cutAfter(text: string): void;
}

/** Relays a loopback port to another one. */
export async function tcpRelay(cleanup: Cleanup, targetPort: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  const state = { frozen: false, cutAfter: undefined as string | undefined };
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        (socket === client ? target : client).destroy();
      });
    }
    client.on("data", (chunk) => {
      if (state.frozen) return;
      const cut = state.cutAfter !== undefined && chunk.includes(state.cutAfter);
      if (cut) target.removeAllListeners("data");
      target.write(chunk);
      if (cut) target.once("data", () => client.destroy());
    });
    target.on("data", (chunk) => {
      if (!state.frozen) client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return {
    port: address.port,
    get open() {
      return sockets.size / 2;
    },
    freeze: () => (state.frozen = true),
    thaw: () => (state.frozen = false),
    cutAfter: (text) => (state.cutAfter = text),
  };
}
