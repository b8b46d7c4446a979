import type { Socket } from "node:net";

import { cutSocket, endStream, type Cut } from "./end-socket.ts";

/**
 * One end of a connection: the socket on the wire, and what is read and written, which is the same
 * or TLS over it. The streams close separately, so both are waited for.
 */
export class Side {
  readonly wire: Socket;
  #stream: Socket;
  readonly #onClosed: (side: Side) => void;
  #openStreams = 1;

  /** Takes ownership of the socket; `onClosed` tells that nothing of it is left. */
  constructor(wire: Socket, onClosed: (side: Side) => void) {
    this.wire = wire;
    this.#stream = wire;
    this.#onClosed = onClosed;
    wire.on("close", () => this.#onStreamClosed());
  }

  get stream(): Socket {
    return this.#stream;
  }

  get isSecured(): boolean {
    return this.#stream !== this.wire;
  }

  get isOpen(): boolean {
    return this.#openStreams > 0;
  }

  /** From now on this stream, over the wire, is read and written. */
  secure(stream: Socket): void {
    this.#stream = stream;
    this.#openStreams += 1;
    stream.on("close", () => this.#onStreamClosed());
  }

  /** Ends its sending direction once its queue is empty. */
  end(): void {
    endStream(this.#stream);
  }

  /** Destroys it now. */
  cut(how: Cut): void {
    cutSocket(this.wire, this.#stream, how);
  }

  #onStreamClosed(): void {
    this.#openStreams -= 1;
    if (this.#openStreams === 0) this.#onClosed(this);
  }
}
