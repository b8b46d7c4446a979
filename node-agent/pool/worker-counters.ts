import {
  heldField,
  heldIndex,
  sharedField,
  sharedIndex,
  totalIndex,
  workerRow,
  type CounterMemory,
  type TotalColumn,
} from "./counter-memory.ts";
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
  /** This worker's row of the first slot. */
  readonly #firstRow: number;
  readonly #shared: Int32Array;
  readonly #totals: Float64Array;
  readonly #held: Int32Array;

  constructor(memory: CounterMemory, worker: number) {
    this.#firstRow = workerRow(memory, worker, 0);
    this.#shared = new Int32Array(memory.shared);
    this.#totals = new Float64Array(memory.totals);
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
    // The first look only spares the second; nobody relies on its order.
    if (this.#shared[sharedIndex(slot.index, sharedField.generation)] !== slot.generation) {
      return "gone";
    }
    const index = sharedIndex(slot.index, sharedField.inUse);
    if (max === 0) Atomics.add(this.#shared, index, 1);
    else if (!this.#takeOneOf(index, max)) return "full";
    this.#hold(slot, heldField.inUse, 1);
    if (this.#isCurrent(slot)) return "acquired";
    this.release(slot);
    return "gone";
  }

  /** Gives an acquired place back. */
  release(slot: SlotRef): void {
    this.#hold(slot, heldField.inUse, -1);
    Atomics.sub(this.#shared, sharedIndex(slot.index, sharedField.inUse), 1);
  }

  /** The acquired connection reached its backend (1), or ended after it had (-1). */
  activate(slot: SlotRef, change: 1 | -1): void {
    this.#hold(slot, heldField.active, change);
  }

  /**
   * Adds to a counter of a slot that this worker has a connection of. A number of 64 bits is written
   * in one go on all platforms that this runs on: the main thread never reads half of one.
   */
  count(slot: SlotRef, column: TotalColumn, amount: number): void {
    if (amount <= 0) return;
    const index = totalIndex(this.#firstRow + slot.index, column);
    this.#totals[index] = (this.#totals[index] ?? 0) + amount;
  }

  /** A dial to a backend failed, or reached it: counts the failures in a row, over all workers. */
  dialled(slot: SlotRef, outcome: "reached" | "failed"): void {
    const index = sharedIndex(slot.index, sharedField.dialFailures);
    if (outcome === "failed") Atomics.add(this.#shared, index, 1);
    else if ((this.#shared[index] ?? 0) > 0) Atomics.store(this.#shared, index, 0);
  }

  /** Places taken at this moment, over all workers; `slot` is its index. */
  inUse(slot: number): number {
    return Atomics.load(this.#shared, sharedIndex(slot, sharedField.inUse));
  }

  /**
   * The same of many: fills in a number for each slot. Read without waiting for other cores: each is
   * as it was at most a moment ago, which it is when it is used, however it was read.
   */
  readInUse(slots: Int32Array, into: Int32Array): void {
    const first = sharedIndex(0, sharedField.inUse);
    const step = sharedIndex(1, sharedField.inUse) - first;
    const shared = this.#shared;
    for (let place = 0; place < slots.length; place += 1) {
      into[place] = shared[first + step * (slots[place] ?? 0)] ?? 0;
    }
  }

  /** Bytes a second of a backend, both ways, as measured last; `slot` is its index. */
  rate(slot: number): number {
    return Atomics.load(this.#shared, sharedIndex(slot, sharedField.rate));
  }

  /** Another number after every measurement of a balancer's rates. */
  measurement(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, sharedField.measurement));
  }

  readCursor(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, sharedField.cursor));
  }

  /** False when another worker moved it meanwhile. */
  moveCursor(slot: SlotRef, from: number, to: number): boolean {
    const index = sharedIndex(slot.index, sharedField.cursor);
    return Atomics.compareExchange(this.#shared, index, from, to) === from;
  }

  /** False when all are taken. */
  #takeOneOf(index: number, max: number): boolean {
    for (;;) {
      const taken = Atomics.load(this.#shared, index);
      if (taken >= max) return false;
      if (Atomics.compareExchange(this.#shared, index, taken, taken + 1) === taken) return true;
    }
  }

  #isCurrent(slot: SlotRef): boolean {
    const index = sharedIndex(slot.index, sharedField.generation);
    return Atomics.load(this.#shared, index) === slot.generation;
  }

  #hold(slot: SlotRef, field: (typeof heldField)[keyof typeof heldField], change: 1 | -1): void {
    const index = heldIndex(this.#firstRow + slot.index, field);
    this.#held[index] = (this.#held[index] ?? 0) + change;
  }
}
