import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Connections that have exchanged something and are silent now. */
export interface IdleConnections {
  readonly count: number;
  close(): Promise<void>;
}

/** How many are opened at the same time: fewer than any listener's queue. */
const openingAtOnce = 64;
const exchangeMsMax = 5_000;

/** Opens connections to a backend that echoes, each after one exchange through it. */
export async function openIdle(port: number, count: number): Promise<IdleConnections> {
  const sockets: Socket[] = [];
  const left = Array.from({ length: count }, (_, index) => index).values();
  const open = async (): Promise<void> => {
    for (const _ of left) sockets.push(await exchanged(port));
  };
  await Promise.all(Array.from({ length: openingAtOnce }, open));
  return { count: sockets.length, close: () => closeAll(sockets) };
}

async function exchanged(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(exchangeMsMax, () => socket.destroy(new Error("no answer")));
  await once(socket, "connect");
  socket.write("hello");
  await once(socket, "data");
  socket.setTimeout(0);
  // What ends one early shows in the next exchange.
  socket.on("error", () => socket.destroy());
  return socket;
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  const closed = sockets.map((socket) => once(socket, "close"));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}
