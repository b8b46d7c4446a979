import type { Socket } from "node:net";

import { peekBytesMax } from "#shared/base/limits.ts";

import type { PeekTerms } from "../engine.ts";

/**
 * What a client says before it is connected. A Node socket gives its bytes only once, so what was
 * read to be looked at is kept here until it is relayed.
 */
export class FirstBytes {
  readonly #socket: Socket;
  readonly #onPeeked: (outcome: "more" | "ended") => void;
  #bytes = Buffer.alloc(0);
  #hasEnded = false;
  #moreThan: number | undefined;

  constructor(socket: Socket, onPeeked: (outcome: "more" | "ended") => void) {
    this.#socket = socket;
    this.#onPeeked = onPeeked;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Reads on until there are more than these bytes, the client ends, or no more fit. */
  want(moreThan: PeekTerms["moreThan"]): void {
    if (this.#moreThan === undefined) {
      this.#socket.on("data", this.#onData);
      this.#socket.on("end", this.#onEnd);
    }
    this.#moreThan = moreThan;
    this.#look();
  }

  /** Stops reading, for now. */
  rest(): void {
    this.#socket.pause();
  }

  discard(count: number): void {
    this.#bytes = this.#bytes.subarray(count);
  }

  /** Hands over to whoever reads the socket from now on. */
  release(): { readonly bytes: Buffer; readonly hasEnded: boolean } {
    this.#socket.off("data", this.#onData);
    this.#socket.off("end", this.#onEnd);
    return { bytes: this.#bytes, hasEnded: this.#hasEnded };
  }

  #look(): void {
    const has = this.#bytes.length;
    if (has > (this.#moreThan ?? 0)) this.#onPeeked("more");
    else if (this.#hasEnded || has >= peekBytesMax) this.#onPeeked("ended");
    else this.#socket.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#socket.pause();
    this.#look();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#look();
  };
}
