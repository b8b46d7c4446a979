import { createSocket } from "node:dgram";
import { once } from "node:events";

import { onTestFinished } from "vitest";

export interface UdpBackend {
  readonly host: string;
  readonly port: number;
  /** What came in. */
  readonly received: readonly Buffer[];
  /** Who sent it: `address:port`, for each datagram. */
  readonly senders: readonly string[];
  /** Sends by itself, to one of its senders. */
  say(datagram: string, to: string): void;
  close(): void;
}

/** A real UDP backend on loopback; it sends back what `answer` gives, or nothing. */
export async function startUdpBackend(
  answer: (datagram: Buffer) => Uint8Array | string | undefined,
  options: { readonly host?: "127.0.0.1" | "::1"; readonly port?: number } = {},
): Promise<UdpBackend> {
  const { host = "127.0.0.1" } = options;
  const received: Buffer[] = [];
  const senders: string[] = [];
  const socket = createSocket(host === "::1" ? "udp6" : "udp4");
  let isOpen = true;
  const close = (): void => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  onTestFinished(close);
  // Who does not wait for the answer is gone by the time it comes.
  socket.on("error", () => undefined);
  socket.on("message", (datagram, from) => {
    received.push(datagram);
    senders.push(`${from.address}:${from.port}`);
    const said = answer(datagram);
    if (said !== undefined) socket.send(said, from.port, from.address);
  });
  socket.bind(options.port ?? 0, host);
  await once(socket, "listening");
  const say: UdpBackend["say"] = (datagram, to) => {
    const [address, port] = to.split(":");
    socket.send(datagram, Number(port), address);
  };
  return { host, port: socket.address().port, received, senders, close, say };
}
