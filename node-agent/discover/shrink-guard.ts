import { failedFetch, type FailedFetch } from "./discovery.ts";

export interface ShrinkTerms {
  /** A list that has lost more than this share of the last one is refused. */
  readonly percent: number;
  /** It is taken all the same once it was told for so long; 0 is never. */
  readonly holdMs: number;
}

/** Remembers how many backends a source had, and refuses a list that has lost too many of them. */
export class ShrinkGuard {
  readonly #terms: ShrinkTerms;
  #count: number | undefined;
  #shrunkSinceMs: number | undefined;

  constructor(terms: ShrinkTerms) {
    this.#terms = terms;
  }

  /** Undefined when a list of this length may be taken. `nowMs` is monotonic. */
  refuses(count: number, nowMs: number): FailedFetch | undefined {
    const before = this.#count ?? 0;
    const least = before * (1 - this.#terms.percent / 100);
    if (count >= least || this.#isHeld(nowMs)) {
      this.#count = count;
      this.#shrunkSinceMs = undefined;
      return undefined;
    }
    this.#shrunkSinceMs ??= nowMs;
    const { percent } = this.#terms;
    return failedFetch(
      "shrunk",
      `${count} of ${before} backends are left: more than ${percent} % lost`,
    );
  }

  #isHeld(nowMs: number): boolean {
    const { holdMs } = this.#terms;
    return holdMs > 0 && this.#shrunkSinceMs !== undefined && nowMs - this.#shrunkSinceMs >= holdMs;
  }
}
