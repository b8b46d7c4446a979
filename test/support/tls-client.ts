import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

import { onTestFinished } from "vitest";

import { eventually } from "./eventually.ts";
import { TestClient } from "./test-client.ts";

/** A client that speaks TLS, over a socket of its own that can be cut below it. */
export class TlsTestClient extends TestClient {
  readonly wire: Socket;
  readonly tls: TLSSocket;
  readonly #sessions: Buffer[] = [];
  #isSecure = false;

  constructor(wire: Socket, tls: TLSSocket) {
    super(tls);
    this.wire = wire;
    this.tls = tls;
    wire.on("error", () => undefined);
    tls.on("secureConnect", () => (this.#isSecure = true));
    tls.on("session", (session: Buffer) => this.#sessions.push(session));
  }

  /** Its own handshake has ended well; with TLS 1.3 the other side may yet refuse. */
  get isSecure(): boolean {
    return this.#isSecure;
  }

  /** The session that it has been given so far. */
  get givenSession(): Buffer | undefined {
    return this.#sessions.at(-1);
  }

  /** The session to resume, once there is one. */
  async session(): Promise<Buffer> {
    return eventually(() => {
      // One of TLS 1.2 that was renewed is told of nowhere else.
      const isOld = this.tls.getProtocol() === "TLSv1.2";
      const last = isOld ? this.tls.getSession() : this.#sessions.at(-1);
      if (last === undefined) throw new Error("no session was given");
      return last;
    });
  }

  override reset(): void {
    this.wire.resetAndDestroy();
  }
}

/** What a client does below TLS. */
export interface OnTheWire {
  /** Sent before the handshake. */
  readonly before?: string;
  /** Writes of one byte each, one after the other. */
  readonly bytewise?: boolean;
  /** Said within TLS as soon as that is possible: it leaves with the last of the handshake. */
  readonly early?: string;
}

/** Connects; resolves when the handshake ended, in whatever way. Anything the other side shows is taken. */
export async function openTlsClient(
  port: number,
  options: ConnectionOptions = {},
  { before = "", bytewise = false, early = "" }: OnTheWire = {},
): Promise<TlsTestClient> {
  const wire = connectTcp({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  if (before !== "") wire.write(before);
  const socket = bytewise ? bytewiseOver(wire) : wire;
  const tls = connect({ rejectUnauthorized: false, ...options, socket });
  const client = new TlsTestClient(wire, tls);
  if (early !== "") tls.write(early);
  onTestFinished(() => {
    tls.destroy();
    wire.destroy();
  });
  await new Promise((resolve) => tls.once("secureConnect", resolve).once("close", resolve));
  // The last of its handshake leaves once this turn is over.
  await nextTurn();
  return client;
}

/** What is written goes out byte by byte; TLS over something else than a socket does not end in halves. */
function bytewiseOver(wire: Socket): Duplex {
  const stream = new Duplex({
    read: () => wire.resume(),
    write: (chunk: Buffer, _encoding, done) => writeBytes(wire, chunk, done),
    final: (done) => wire.end(done),
  });
  wire.on("data", (chunk) => {
    if (!stream.push(chunk)) wire.pause();
  });
  wire.on("end", () => stream.push(null));
  wire.on("close", () => stream.destroy());
  return stream;
}

function writeBytes(wire: Socket, chunk: Buffer, done: () => void): void {
  if (chunk.length === 0) return done();
  wire.write(chunk.subarray(0, 1), () => writeBytes(wire, chunk.subarray(1), done));
}

/** The first bytes that a client sends: its hello. */
export async function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  const hello = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer) => hello.resolve(chunk),
  });
  const tls = connect({ ...options, socket: wire });
  tls.on("error", () => undefined);
  const bytes = await hello.promise;
  tls.destroy();
  return bytes;
}
