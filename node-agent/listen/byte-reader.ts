/**
 * Reads numbers and vectors in network order, one after the other. Past the end everything is 0 and
 * empty, `left` is 0 and `isShort` is true: ask once, after reading, instead of at each step.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #isShort = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Something was read that is not there. */
  get isShort(): boolean {
    return this.#isShort;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    return this.take(1)[0] ?? 0;
  }

  uint16(): number {
    const [high = 0, low = 0] = this.take(2);
    return (high << 8) | low;
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16();
  }

  /** The next `count` bytes; no copy. */
  take(count: number): Uint8Array {
    if (count > this.left) {
      this.#isShort = true;
      this.#at = this.#bytes.length;
      return nothing;
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** A vector whose length stands before it, in one byte or in two. */
  vector(lengthBytes: 1 | 2): Uint8Array {
    return this.take(lengthBytes === 1 ? this.uint8() : this.uint16());
  }
}

const nothing = new Uint8Array(0);
