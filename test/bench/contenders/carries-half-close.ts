import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

const transferBytes = 4 * 1024 * 1024;
const answerMsMax = 5_000;

/**
 * Sends four megabytes and the end of stream, and expects the backend's digest of them: a relay that
 * takes the one end for both loses the answer, and its figures would be too good.
 */
export async function carriesHalfClose(port: number): Promise<boolean> {
  const sent = Buffer.alloc(transferBytes, "midstream");
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let answer = "";
  socket.setTimeout(answerMsMax, () => socket.destroy());
  // A connection that breaks gives no answer; that is looked at below.
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
  const closed = once(socket, "close");
  socket.end(sent);
  await closed;
  return answer === createHash("sha256").update(sent).digest("hex");
}
