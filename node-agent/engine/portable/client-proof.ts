import { proofAfterReplyMs, proofWithoutReplyMs } from "#shared/base/limits.ts";

/**
 * Whether a client still speaks some time after it was answered, or without an answer after it began:
 * an address that was made up for the moment does not. The driver in C++ decides alike.
 */
export class ClientProof {
  #fromMs = Number.POSITIVE_INFINITY;
  #isGiven = false;

  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** Its first datagram is sent. Times are monotonic. */
  begin(nowMs: number): void {
    this.#fromMs = nowMs + proofWithoutReplyMs;
  }

  /** A reply came; the first one decides, as later ones are later. */
  answered(nowMs: number): void {
    this.#fromMs = Math.min(this.#fromMs, nowMs + proofAfterReplyMs);
  }

  heard(nowMs: number): void {
    if (nowMs >= this.#fromMs) this.#isGiven = true;
  }
}
