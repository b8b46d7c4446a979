import { backendsPerBalancerMax, sourceItemsMax } from "#shared/base/limits.ts";
import type { Backend } from "#shared/definition/backend.ts";

import { unusableAnswer, type Fetched } from "./discovery.ts";
import { readBackend, type FoundBackend } from "./read-backend.ts";

/** Collects the backends of one answer, and counts what no backend could be made of. */
export class Gathering {
  readonly #backends: Backend[] = [];
  #looked = 0;
  #skipped = 0;
  #unusable = 0;
  #detail = "";

  /** False when nothing more is looked at: the rest of the answer can be left unread. */
  hasRoom(): boolean {
    const hasRoom = this.#backends.length < backendsPerBalancerMax && this.#looked < sourceItemsMax;
    if (!hasRoom) this.skip("the rest is not read: there are too many");
    return hasRoom;
  }

  /** Takes a backend that a source names; `what` is how messages call the place where it stood. */
  find(found: FoundBackend, what: string): void {
    const backend = readBackend(found);
    if (backend === undefined) this.skip(`${what} has no usable host and port`);
    else this.add(backend);
  }

  add(backend: Backend): void {
    this.#looked += 1;
    this.#backends.push(backend);
  }

  /**
   * `detail` tells what is wrong; it is cut, as it may quote what came from outside. What is not
   * meant for us is no entry: an answer of nothing else is an empty one.
   */
  skip(detail: string, { isMeant = true }: { readonly isMeant?: boolean } = {}): void {
    this.#looked += 1;
    this.#skipped += 1;
    if (isMeant) this.#unusable += 1;
    // What is wrong is told before what is not meant.
    const isFirst = isMeant ? this.#unusable === 1 : this.#skipped === 1;
    if (isFirst) this.#detail = detail.slice(0, 200);
  }

  /**
   * What was found, to be given back by a fetch. An answer that names entries of which none can be
   * used is no answer: it is `unusable`.
   */
  list(): Fetched {
    const backends = this.#backends;
    if (backends.length === 0 && this.#unusable > 0) {
      return unusableAnswer(this.#unusable, this.#detail);
    }
    const skipped = { count: this.#skipped, detail: this.#detail };
    return { ok: true, backends, ...(this.#skipped === 0 ? {} : { skipped }) };
  }
}
