import { createSocket } from "node:dgram";
import { once } from "node:events";

/** From nearly nothing to nearly as much as UDP can carry. */
const sizes = [1, 1_400, 60_000];
const answerMsMax = 2_000;

/**
 * Sends datagrams small and large, each from a client of its own: all have to come back whole.
 *
 * @returns the sizes, in bytes, of those that did not
 */
export async function lostDatagrams(port: number): Promise<readonly number[]> {
  const lost: number[] = [];
  for (const size of sizes) {
    const sent = Buffer.alloc(size, "midstream");
    const answer = await exchanged(port, sent);
    if (answer === undefined || !answer.equals(sent)) lost.push(size);
  }
  return lost;
}

/** What came back, from the port that was asked. */
async function exchanged(port: number, datagram: Buffer): Promise<Buffer | undefined> {
  const socket = createSocket("udp4");
  const signal = AbortSignal.timeout(answerMsMax);
  try {
    socket.connect(port, "127.0.0.1");
    await once(socket, "connect", { signal });
    socket.send(datagram);
    const [answer]: unknown[] = await once(socket, "message", { signal });
    return Buffer.isBuffer(answer) ? answer : undefined;
  } catch {
    // Refused, or none in time.
    return undefined;
  } finally {
    socket.close();
  }
}
