import { createHash, randomBytes, type Hash } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";

/** One random megabyte; repeated, each time with its place in front, it makes data of any size. */
const block = randomBytes(1024 * 1024);

export interface Sent {
  readonly bytes: number;
  readonly digest: string;
}

/**
 * Sends `bytes` of data as fast as the socket takes them, ends the stream when asked, and tells their
 * digest.
 */
export async function sendRandom(
  socket: Socket,
  bytes: number,
  options: { readonly end?: boolean } = {},
): Promise<Sent> {
  const hash = createHash("sha256");
  for (let sent = 0; sent < bytes; sent += block.length) {
    const chunk = Buffer.from(block.subarray(0, Math.min(block.length, bytes - sent)));
    if (chunk.length >= 8) chunk.writeDoubleBE(sent, 0);
    hash.update(chunk);
    if (!socket.write(chunk)) await once(socket, "drain");
  }
  if (options.end === true) socket.end();
  return { bytes, digest: hash.digest("hex") };
}

/** Counts and digests what arrives at a socket. */
export class Digesting {
  #bytes = 0;
  readonly #hash: Hash = createHash("sha256");

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      this.#hash.update(chunk);
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Digest of what has arrived; more may arrive afterwards. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
