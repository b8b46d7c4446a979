import type { Clock } from "#shared/base/clock.ts";

export interface PaceOptions {
  /** So many may start … */
  readonly burst: number;
  /** … within this time; the others wait for the next. */
  readonly everyMs: number;
}

/** Spreads starts in time: a burst that a peer's socket buffer cannot hold is lost in part. */
export class PacedStarts {
  readonly #clock: Clock;
  readonly #options: PaceOptions;
  readonly #line: (() => void)[] = [];
  #started = 0;

  constructor(clock: Clock, options: PaceOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Resolves when it is one's turn, in the order of the calls. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#started < this.#options.burst) this.#start(resolve);
      else this.#line.push(resolve);
    });
  }

  #start(begin: () => void): void {
    if (this.#started === 0) this.#clock.after(this.#options.everyMs, () => this.#next());
    this.#started += 1;
    begin();
  }

  #next(): void {
    this.#started = 0;
    for (const begin of this.#line.splice(0, this.#options.burst)) this.#start(begin);
  }
}
