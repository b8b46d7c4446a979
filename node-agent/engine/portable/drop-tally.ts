import type { Clock, Timer } from "#shared/base/clock.ts";
import { dropsToldMs } from "#shared/base/limits.ts";

import type { DatagramEvent } from "../datagrams.ts";

/** What is told in sums. */
type Counted = Extract<DatagramEvent, { count: number }>;

/**
 * Sums up what goes wrong with datagrams: the first of a kind is told at once, what follows every
 * `dropsToldMs`.
 */
export class DropTally {
  readonly #clock: Clock;
  readonly #tell: (event: Counted) => void;
  readonly #kinds = new Map<string, { first: Counted; count: number }>();
  #timer: Timer | undefined;

  constructor(clock: Clock, tell: (event: Counted) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  add(event: Counted): void {
    const key = keyOf(event);
    const known = this.#kinds.get(key);
    if (known !== undefined) known.count += event.count;
    else {
      this.#tell(event);
      this.#kinds.set(key, { first: event, count: 0 });
      this.#timer ??= this.#clock.after(dropsToldMs, () => this.#round());
    }
  }

  /** Tells what was not told yet. */
  stop(): void {
    this.#timer?.stop();
    this.#round();
    this.#timer?.stop();
  }

  /** What did not happen again is forgotten: the next time it is told at once. */
  #round(): void {
    this.#timer = undefined;
    for (const [key, { first, count }] of this.#kinds) {
      if (count === 0) this.#kinds.delete(key);
      else {
        this.#tell({ ...first, count });
        this.#kinds.set(key, { first, count: 0 });
      }
    }
    if (this.#kinds.size > 0) {
      this.#timer = this.#clock.after(dropsToldMs, () => this.#round());
    }
  }
}

function keyOf(event: Counted): string {
  switch (event.kind) {
    case "datagrams-dropped":
      return `${event.listener} ${event.reason}`;
    case "target-refused":
      return `${event.listener} ${event.target.host} ${event.target.port}`;
  }
}
