import { failedFetch, type FailedFetch } from "./discovery.ts";

export interface ShrinkTerms {
  /** A list that has lost more than this share of the last one is refused. */
  readonly percent: number;
  /** It is taken all the same once it was told for so long; 0 is never. */
  readonly holdMs: number;
}

/** What a guard goes by; it outlives a change of its terms. */
export interface ShrinkMemory {
  /** Backends of the last list that was taken; undefined before the first. */
  readonly count: number | undefined;
  /** Since when shorter lists are refused, monotonic; undefined while none is. */
  readonly shrunkSinceMs: number | undefined;
}

/** Remembers how many backends a source had, and refuses a list that has lost too many of them. */
export class ShrinkGuard {
  readonly #terms: ShrinkTerms | undefined;
  #memory: ShrinkMemory;

  /** Without terms it refuses nothing, and remembers for those that may come. */
  constructor(terms: ShrinkTerms | undefined, memory: ShrinkMemory) {
    this.#terms = terms;
    this.#memory = memory;
  }

  get memory(): ShrinkMemory {
    return this.#memory;
  }

  /** Undefined when a list of this length may be taken. `nowMs` is monotonic. */
  refuses(count: number, nowMs: number): FailedFetch | undefined {
    const { count: before = 0, shrunkSinceMs = nowMs } = this.#memory;
    const percent = this.#terms?.percent ?? 100;
    const least = before * (1 - percent / 100);
    if (count >= least || this.#isHeld(nowMs)) {
      this.#memory = { count, shrunkSinceMs: undefined };
      return undefined;
    }
    this.#memory = { count: before, shrunkSinceMs };
    return failedFetch(
      "shrunk",
      `${count} of ${before} backends are left: more than ${percent} % lost`,
    );
  }

  #isHeld(nowMs: number): boolean {
    const { holdMs = 0 } = this.#terms ?? {};
    const { shrunkSinceMs } = this.#memory;
    return holdMs > 0 && shrunkSinceMs !== undefined && nowMs - shrunkSinceMs >= holdMs;
  }
}
