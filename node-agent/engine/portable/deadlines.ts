import type { Clock, Timer } from "#shared/base/clock.ts";

/**
 * Many deadlines on one timer: a binary heap by time, each entry knowing its place, so that setting
 * and clearing cost O(log n) and a connection that closes leaves nothing behind.
 *
 * A deadline that only ever moves on (a connection that stays busy) need not be moved with every
 * byte: let it come due, look, and set it again.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Deadline[] = [];
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onDue` of the deadline's owner once the clock's monotonic time reaches `atMs`; replaces what was set. */
  set(deadline: Deadline, atMs: number): void {
    this.clear(deadline);
    deadline.atMs = atMs;
    deadline.place = this.#heap.push(deadline) - 1;
    this.#rise(deadline);
    this.#arm();
  }

  clear(deadline: Deadline): void {
    const { place } = deadline;
    const last = this.#heap[this.#heap.length - 1];
    if (place === notSet || last === undefined) return;
    deadline.place = notSet;
    this.#heap.pop();
    if (last === deadline) return;
    this.#put(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  /** Forgets everything; nothing comes due any more. */
  stop(): void {
    for (const deadline of this.#heap) deadline.place = notSet;
    this.#heap.length = 0;
    this.#timer?.stop();
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#timerAtMs <= first.atMs) return;
    this.#timer?.stop();
    this.#timerAtMs = first.atMs;
    const delayMs = Math.max(0, Math.ceil(first.atMs - this.#clock.monotonicMs()));
    this.#timer = this.#clock.after(delayMs, () => this.#run());
  }

  /** The system's timers may be a moment early: what is not due yet waits for the next round. */
  #run(): void {
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.atMs > nowMs) break;
      this.clear(first);
      first.owner.onDue(nowMs);
    }
    this.#arm();
  }

  #rise(deadline: Deadline): void {
    while (deadline.place > 0) {
      const above = this.#heap[(deadline.place - 1) >> 1];
      if (above === undefined || above.atMs <= deadline.atMs) return;
      this.#swap(above, deadline);
    }
  }

  #sink(deadline: Deadline): void {
    for (;;) {
      const left = this.#heap[deadline.place * 2 + 1];
      const right = this.#heap[deadline.place * 2 + 2];
      const below =
        right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (below === undefined || below.atMs >= deadline.atMs) return;
      this.#swap(deadline, below);
    }
  }

  #swap(a: Deadline, b: Deadline): void {
    const { place } = a;
    this.#put(a, b.place);
    this.#put(b, place);
  }

  #put(deadline: Deadline, place: number): void {
    this.#heap[place] = deadline;
    deadline.place = place;
  }
}

const notSet = -1;

/** Who waits for a moment. There are many of them, so this is the thing itself and no function for each. */
export interface DeadlineOwner {
  /** The moment has come; may set the deadline again, to a later one. */
  onDue(nowMs: number): void;
}

/** One moment that someone waits for. */
export class Deadline {
  readonly owner: DeadlineOwner;
  /** Both belong to `Deadlines`. */
  atMs = 0;
  place = notSet;

  constructor(owner: DeadlineOwner) {
    this.owner = owner;
  }
}
