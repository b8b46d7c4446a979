import { limitedClientsMax } from "#shared/base/limits.ts";

import type { Settled } from "./slot-ledger.ts";

/**
 * What each client of a balancer has and may have, in memory that all workers share: sets of a few
 * entries, each set with a lock. Per worker there is also what that worker holds of each entry, so
 * that it can be given back when the worker dies. Pages that nothing touches take no memory.
 */
export interface ClientMemory {
  readonly entries: number;
  readonly workers: number;
  /** Where a client's entry lies is nobody's to choose. */
  readonly seed: number;
  readonly cells: SharedArrayBuffer;
  readonly locks: SharedArrayBuffer;
  readonly held: SharedArrayBuffer;
}

/** Entries of a set. */
export const clientWays = 8;

/** Cells of an entry, behind the four that the address takes. */
export const clientCell = {
  connections: 4,
  /** Thousandths of connections that may be opened at once. */
  allowance: 5,
  /** When the allowance was counted last. */
  countedMs: 6,
  isTaken: 7,
} as const;
export const clientCells = 8;

/** Memory for so many workers. */
export function createClientMemory(shape: {
  readonly workers: number;
  readonly random: () => number;
  readonly entries?: number;
}): ClientMemory {
  const { workers, random, entries = limitedClientsMax } = shape;
  const cellBytes = Int32Array.BYTES_PER_ELEMENT;
  return {
    entries,
    workers,
    seed: random() * 2 ** 32,
    cells: new SharedArrayBuffer(entries * clientCells * cellBytes),
    locks: new SharedArrayBuffer((entries / clientWays) * cellBytes),
    held: new SharedArrayBuffer(workers * entries * cellBytes),
  };
}

/** The main thread's hand on the memory. */
export class ClientLedger implements Settled {
  readonly memory: ClientMemory;
  readonly #cells: Int32Array;
  readonly #locks: Int32Array;
  readonly #held: Int32Array;

  constructor(memory: ClientMemory) {
    this.memory = memory;
    this.#cells = new Int32Array(memory.cells);
    this.#locks = new Int32Array(memory.locks);
    this.#held = new Int32Array(memory.held);
  }

  /** Gives back what a worker held when it died, and opens what it had locked. */
  settle(worker: number): void {
    const { entries } = this.memory;
    for (let entry = 0; entry < entries; entry += 1) {
      const held = Atomics.exchange(this.#held, worker * entries + entry, 0);
      const cell = entry * clientCells + clientCell.connections;
      if (held > 0) Atomics.sub(this.#cells, cell, held);
    }
    for (const set of this.#locks.keys()) Atomics.compareExchange(this.#locks, set, worker + 1, 0);
  }
}
