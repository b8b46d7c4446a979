import type { CounterColumn } from "#shared/measures/report.ts";

import { heldIndex, sharedIndex, totalIndex, type CounterMemory } from "./counter-memory.ts";
import type { SlotRef } from "./pool-view.ts";

/**
 * What became of a wish for one more connection. `gone`: the slot belongs to something else by now,
 * the wish came from an outdated view.
 */
export type Acquired = "acquired" | "full" | "gone";

/**
 * One worker's hand on the shared counters. What was acquired pins its slot until it is released:
 * in between the slot cannot pass to another owner, so counting needs no further check.
 */
export class WorkerCounters {
  readonly #memory: CounterMemory;
  readonly #worker: number;
  readonly #shared: Int32Array;
  readonly #totals: BigInt64Array;
  readonly #held: Int32Array;

  constructor(memory: CounterMemory, worker: number) {
    this.#memory = memory;
    this.#worker = worker;
    this.#shared = new Int32Array(memory.shared);
    this.#totals = new BigInt64Array(memory.totals);
    this.#held = new Int32Array(memory.held);
  }

  /**
   * Takes one of at most `max` places (0 is without limit). Exact over all workers: never one too
   * many, and never refused while a place is free.
   *
   * The generation is looked at before and after: whoever retires a slot raises it first and looks
   * at the places taken afterwards, so at least one of the two sides sees the other.
   */
  acquire(slot: SlotRef, max: number): Acquired {
    if (!this.#isCurrent(slot)) return "gone";
    const index = sharedIndex(slot.index, "inUse");
    for (;;) {
      const taken = Atomics.load(this.#shared, index);
      if (max > 0 && taken >= max) return "full";
      if (Atomics.compareExchange(this.#shared, index, taken, taken + 1) === taken) break;
    }
    this.#hold(slot, "inUse", 1);
    if (this.#isCurrent(slot)) return "acquired";
    this.release(slot);
    return "gone";
  }

  /** Gives an acquired place back. */
  release(slot: SlotRef): void {
    this.#hold(slot, "inUse", -1);
    Atomics.sub(this.#shared, sharedIndex(slot.index, "inUse"), 1);
  }

  /** The acquired connection reached its backend (1), or ended after it had (-1). */
  activate(slot: SlotRef, change: 1 | -1): void {
    this.#hold(slot, "active", change);
    Atomics.add(this.#shared, sharedIndex(slot.index, "active"), change);
  }

  /** Adds to a counter of a slot that this worker has a connection of. */
  count(slot: SlotRef, column: CounterColumn, amount: number): void {
    if (amount > 0) Atomics.add(this.#totals, totalIndex(slot.index, column), BigInt(amount));
  }

  /** A dial to a backend failed, or reached it: counts the failures in a row, over all workers. */
  dialled(slot: SlotRef, outcome: "reached" | "failed"): void {
    const index = sharedIndex(slot.index, "dialFailures");
    if (outcome === "failed") Atomics.add(this.#shared, index, 1);
    else if (Atomics.load(this.#shared, index) > 0) Atomics.store(this.#shared, index, 0);
  }

  /** Places taken at this moment, over all workers; `slot` is its index. */
  inUse(slot: number): number {
    return Atomics.load(this.#shared, sharedIndex(slot, "inUse"));
  }

  /**
   * The same of many: fills in a number for each slot. Read without waiting for other cores: each is
   * as it was at most a moment ago, which it is when it is used, however it was read.
   */
  readInUse(slots: Int32Array, into: Int32Array): void {
    const first = sharedIndex(0, "inUse");
    const step = sharedIndex(1, "inUse") - first;
    const shared = this.#shared;
    for (let place = 0; place < slots.length; place += 1) {
      into[place] = shared[first + step * (slots[place] ?? 0)] ?? 0;
    }
  }

  /** Bytes a second of a backend, both ways, as measured last; `slot` is its index. */
  rate(slot: number): number {
    return Atomics.load(this.#shared, sharedIndex(slot, "rate"));
  }

  /** Another number after every measurement of a balancer's rates. */
  measurement(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, "measurement"));
  }

  readCursor(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, "cursor"));
  }

  /** False when another worker moved it meanwhile. */
  moveCursor(slot: SlotRef, from: number, to: number): boolean {
    const index = sharedIndex(slot.index, "cursor");
    return Atomics.compareExchange(this.#shared, index, from, to) === from;
  }

  #isCurrent(slot: SlotRef): boolean {
    return Atomics.load(this.#shared, sharedIndex(slot.index, "generation")) === slot.generation;
  }

  #hold(slot: SlotRef, field: "inUse" | "active", change: number): void {
    const place = { memory: this.#memory, worker: this.#worker, slot: slot.index, field };
    Atomics.add(this.#held, heldIndex(place), change);
  }
}
