import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

import { decode, encode, type Packet } from "dns-packet";
import { onTestFinished } from "vitest";

/** What to answer a question with. */
interface Scripted extends Packet {
  /** Goes out before the answer. */
  readonly send?: readonly Buffer[];
  /** There is no answer. */
  readonly isSilent?: boolean;
}

/** Looks at a question; without a return value it is not answered. */
type Script = (query: Packet) => Scripted | undefined;

export interface ScriptedNameServer {
  /** `host:port`. */
  readonly address: string;
  /** How many datagrams have come. */
  readonly packets: () => number;
}

/** A name server on UDP that answers as it is told, gone at the end of the test. */
export async function scriptedNameServer(script: Script): Promise<ScriptedNameServer> {
  const socket: Socket = createSocket("udp4");
  let packets = 0;
  socket.on("message", (bytes, { port, address }) => {
    packets += 1;
    const query = decode(bytes);
    const answer = script(query);
    if (answer === undefined) return;
    const { send = [], isSilent = false, ...packet } = answer;
    for (const each of send) socket.send(each, port, address);
    if (isSilent) return;
    const { id, questions } = query;
    socket.send(
      encode({ type: "response", ...(id === undefined ? {} : { id }), questions, ...packet }),
      port,
      address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, packets: () => packets };
}
