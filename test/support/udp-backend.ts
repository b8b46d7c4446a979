import { createSocket } from "node:dgram";
import { once } from "node:events";

import { onTestFinished } from "vitest";

export interface UdpBackend {
  readonly host: string;
  readonly port: number;
  /** What came in. */
  readonly received: readonly Buffer[];
}

/** A real UDP backend on loopback; it sends back what `answer` gives, or nothing. */
export async function startUdpBackend(
  answer: (datagram: Buffer) => Uint8Array | string | undefined,
): Promise<UdpBackend> {
  const received: Buffer[] = [];
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.on("message", (datagram, from) => {
    received.push(datagram);
    const said = answer(datagram);
    if (said !== undefined) socket.send(said, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { host: "127.0.0.1", port: socket.address().port, received };
}
