import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";

import { onTestFinished } from "vitest";

import { eventually, patienceMs } from "./eventually.ts";

export interface UdpTarget {
  readonly host?: string;
  readonly port: number;
}

export interface Received {
  readonly bytes: Buffer;
  readonly text: string;
  readonly from: RemoteInfo;
}

export interface UdpClient {
  readonly port: number;
  /** What came back, and from where. */
  readonly received: readonly Received[];
  readonly texts: () => readonly string[];
  /** Hands one datagram to the system. */
  send(datagram: string | Uint8Array): Promise<void>;
  /** Sends, and resolves with the next datagram that comes back. */
  ask(datagram: string | Uint8Array, withinMs?: number): Promise<string>;
  askBytes(datagram: Uint8Array): Promise<Buffer>;
  close(): void;
}

/** A client with a socket of its own, from `from` if given. */
export async function openUdpClient(
  target: UdpTarget,
  from: { readonly host?: string; readonly port?: number } = {},
): Promise<UdpClient> {
  const { host = "127.0.0.1", port } = target;
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  let isOpen = true;
  const close = (): void => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  onTestFinished(close);
  const received: Received[] = [];
  socket.on("message", (bytes, from) => received.push({ bytes, text: bytes.toString(), from }));
  socket.on("error", () => undefined);
  socket.bind(from.port ?? 0, from.host ?? (host.includes(":") ? "::1" : "127.0.0.1"));
  await once(socket, "listening");
  const send = (datagram: string | Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(datagram, port, host, (error) => (error === null ? resolve() : reject(error)));
    });
  const answer = async (
    datagram: string | Uint8Array,
    withinMs = patienceMs,
  ): Promise<Received> => {
    const count = received.length;
    await send(datagram);
    await eventually(() => received.length > count, { withinMs });
    const next = received[count];
    if (next === undefined) throw new Error("no datagram came back");
    return next;
  };
  return {
    port: socket.address().port,
    received,
    texts: () => received.map(({ text }) => text),
    send,
    close,
    ask: async (datagram, withinMs) => (await answer(datagram, withinMs)).text,
    askBytes: async (datagram) => (await answer(datagram)).bytes,
  };
}
