import type { Clock, Timer } from "#shared/base/clock.ts";

interface Waiting {
  readonly atMs: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/**
 * A clock that only moves when a test says so. Timers run in the order of their time, and those of
 * one moment in the order they were set, with the clock showing exactly that moment.
 */
export class FakeClock implements Clock {
  #nowMs: number;
  #elapsedMs = 0;
  #waiting: Waiting[] = [];
  readonly #onMove: (() => void)[] = [];

  /** `nowMs` is the wall clock's start; monotonic time starts at 0. */
  constructor(nowMs = Date.UTC(2030, 0, 1)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#wait({ atMs: this.#elapsedMs + Math.max(0, delayMs), everyMs: undefined, run });
  }

  every(intervalMs: number, run: () => void): Timer {
    if (intervalMs <= 0) throw new Error("an interval of nothing never ends");
    return this.#wait({ atMs: this.#elapsedMs + intervalMs, everyMs: intervalMs, run });
  }

  /** Calls `run` whenever the time has moved: for what keeps a copy of the time. */
  onMove(run: () => void): void {
    this.#onMove.push(run);
  }

  /** How many timers are set: 0 after everything was stopped. */
  get timers(): number {
    return this.#waiting.length;
  }

  /** Moves on by `ms` and runs what comes due, without letting promises settle in between. */
  advance(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#moveTo(next.atMs);
      this.#runOne(next);
    }
    this.#moveTo(endMs);
  }

  /** As `advance`, and lets promises settle before the first timer, between two, and at the end. */
  async advanceSettled(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settled();
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#moveTo(next.atMs);
      this.#runOne(next);
      await settled();
    }
    this.#moveTo(endMs);
    await settled();
  }

  #wait(waiting: Waiting): Timer {
    // A repeating timer is replaced by its next turn, so what was handed out keeps track of it.
    const handle = { current: waiting };
    const run = (): void => {
      if (waiting.everyMs !== undefined) {
        handle.current = { ...handle.current, atMs: handle.current.atMs + waiting.everyMs };
        this.#waiting.push(handle.current);
      }
      waiting.run();
    };
    handle.current = { ...waiting, run };
    this.#waiting.push(handle.current);
    return { stop: () => this.#remove(handle.current) };
  }

  #nextUntil(endMs: number): Waiting | undefined {
    const due = this.#waiting.filter((waiting) => waiting.atMs <= endMs);
    return due.reduce<Waiting | undefined>(
      (first, next) => (first === undefined || next.atMs < first.atMs ? next : first),
      undefined,
    );
  }

  #runOne(waiting: Waiting): void {
    this.#remove(waiting);
    waiting.run();
  }

  #remove(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
  }

  #moveTo(elapsedMs: number): void {
    this.#nowMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
    for (const run of this.#onMove) run();
  }
}

/** Lets promises that are ready, and what they lead to, run; and one turn of the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
