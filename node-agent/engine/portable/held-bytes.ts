import { heldBytesMax } from "#shared/base/limits.ts";

/** What one engine holds of datagrams that await their answer, all of them together. */
export class HeldBytes {
  #bytes = 0;

  /** Takes so many into what may be held, or says that there is no room; negative gives back. */
  hold(bytes: number): boolean {
    if (bytes > 0 && this.#bytes + bytes > heldBytesMax) return false;
    this.#bytes += bytes;
    return true;
  }
}
