import { connect, type Socket } from "node:net";

import { onTestFinished } from "vitest";

import { eventually, patienceMs } from "./eventually.ts";

export type ClientTarget =
  | number
  | { readonly host?: string; readonly port: number }
  | { readonly path: string };

/** A TCP client that remembers what happened to it; destroyed at the end of the test. */
export class TestClient {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #receivedBytes = 0;
  #ended = false;
  #closed = false;
  #errorCode: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#receivedBytes += chunk.length;
    });
    socket.on("end", () => (this.#ended = true));
    socket.on("close", () => (this.#closed = true));
    socket.on("error", (error: NodeJS.ErrnoException) => (this.#errorCode = error.code));
  }

  /** The other side ended its stream in order. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Both streams are over, in whatever way. */
  get closed(): boolean {
    return this.#closed;
  }

  /** `ECONNRESET` after a reset, say. */
  get errorCode(): string | undefined {
    return this.#errorCode;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  text(): string {
    return this.received().toString("utf8");
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Ends the sending direction (FIN); receiving goes on. */
  finish(): void {
    this.socket.end();
  }

  /** Aborts with a reset (RST). */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until `bytes` have arrived. */
  async receives(bytes: number, withinMs = patienceMs): Promise<void> {
    await eventually(() => this.#receivedBytes >= bytes, { withinMs });
  }

  /** Waits until the other side ended, or the connection broke. */
  async isOver(withinMs = patienceMs): Promise<void> {
    await eventually(() => this.#ended || this.#closed, { withinMs });
  }
}

/**
 * Connects, keeping its own direction open when the other side ends. A refused connection is no
 * error here: the client's `errorCode` tells.
 */
export async function openClient(target: ClientTarget): Promise<TestClient> {
  const where = typeof target === "number" ? { port: target } : target;
  const options = "path" in where ? where : { host: "127.0.0.1", ...where };
  const socket = connect({ ...options, allowHalfOpen: true, noDelay: true });
  const client = new TestClient(socket);
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return client;
}

/** Connects, sends `request` when given, ends, and returns all that came until the end. */
export async function ask(
  target: ClientTarget,
  request: string | Uint8Array = "",
): Promise<string> {
  const client = await openClient(target);
  if (request.length > 0) client.send(request);
  client.finish();
  await client.isOver();
  client.socket.destroy();
  return client.text();
}
