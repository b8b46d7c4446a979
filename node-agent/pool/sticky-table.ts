import { addressHash } from "./address-hash.ts";
import { slotKey, type SlotRef } from "./pool-view.ts";

/**
 * Which client went to which backend last, in memory that all workers share: sets of a few entries,
 * in each of which the one that was unused for longest makes room. Never more than it was made for.
 */
export interface StickyMemory {
  readonly sets: number;
  /** Entries of a set. */
  readonly ways: number;
  /** Where a client's entry lies is nobody's to choose. */
  readonly seed: number;
  readonly cells: SharedArrayBuffer;
}

const waysMax = 8;
/** A tag made of the client's address, the backend's `slotKey`, and when that was. */
const cellsPerEntry = 3;

/** Memory for at most so many clients. */
export function createStickyMemory(entriesMax: number, random: () => number): StickyMemory {
  const ways = Math.min(waysMax, entriesMax);
  const sets = Math.floor(entriesMax / ways);
  const bytes = sets * ways * cellsPerEntry * Int32Array.BYTES_PER_ELEMENT;
  return { sets, ways, seed: random() * 2 ** 32, cells: new SharedArrayBuffer(bytes) };
}

export interface StickyTableDeps {
  readonly memory: StickyMemory;
  /** After this a client that was not there is forgotten. */
  readonly expiryMs: number;
  /** Monotonic, the same in all workers. */
  readonly nowMs: () => number;
}

/**
 * One worker's hand on the memory. Workers write without waiting for each other: what two of them
 * write at once may come out as a mixture, which costs one client its backend and nothing else,
 * since whatever is read counts only when it is a backend of the pool.
 */
export class StickyTable {
  readonly #deps: StickyTableDeps;
  readonly #cells: Int32Array;

  constructor(deps: StickyTableDeps) {
    this.#deps = deps;
    this.#cells = new Int32Array(deps.memory.cells);
  }

  /** The `slotKey` of the client's backend; undefined when it is not remembered. */
  find(address: Uint8Array): number | undefined {
    if (address.length === 0) return undefined;
    const tag = this.#tag(address);
    const cell = this.#cellOf(address, tag);
    if (cell === undefined || this.#ageMs(cell) >= this.#deps.expiryMs) return undefined;
    const key = Atomics.load(this.#cells, cell + 1);
    return Atomics.load(this.#cells, cell) === tag ? key : undefined;
  }

  /** The client went to this backend now. A client without an address is not remembered. */
  remember(address: Uint8Array, backend: SlotRef): void {
    if (address.length === 0) return;
    const tag = this.#tag(address);
    const cell = this.#cellOf(address, tag) ?? this.#oldest(address);
    // Nobody finds the entry while it is half of the old one and half of the new one.
    Atomics.store(this.#cells, cell, 0);
    Atomics.store(this.#cells, cell + 1, slotKey(backend));
    Atomics.store(this.#cells, cell + 2, this.#now());
    Atomics.store(this.#cells, cell, tag);
  }

  /** The client's entry; undefined when it has none. */
  #cellOf(address: Uint8Array, tag: number): number | undefined {
    const first = this.#firstCell(address);
    const end = first + this.#deps.memory.ways * cellsPerEntry;
    for (let cell = first; cell < end; cell += cellsPerEntry) {
      if (Atomics.load(this.#cells, cell) === tag) return cell;
    }
    return undefined;
  }

  /** The entry of the client's set that is empty, or was unused for longest. */
  #oldest(address: Uint8Array): number {
    const first = this.#firstCell(address);
    const end = first + this.#deps.memory.ways * cellsPerEntry;
    let oldest = first;
    for (let cell = first; cell < end; cell += cellsPerEntry) {
      if (Atomics.load(this.#cells, cell) === 0) return cell;
      if (this.#ageMs(cell) > this.#ageMs(oldest)) oldest = cell;
    }
    return oldest;
  }

  #firstCell(address: Uint8Array): number {
    const { sets, ways, seed } = this.#deps.memory;
    return (addressHash(address, seed) % sets) * ways * cellsPerEntry;
  }

  /** Never 0, which is an empty entry. Two clients of a set with the same tag share a backend. */
  #tag(address: Uint8Array): number {
    return addressHash(address, ~this.#deps.memory.seed) | 0 || 1;
  }

  /** Modulo 49 days; another worker may have read the time a moment later than this one. */
  #ageMs(cell: number): number {
    const age = (this.#now() - Atomics.load(this.#cells, cell + 2)) >>> 0;
    return age > aheadMs ? 0 : age;
  }

  #now(): number {
    return Math.trunc(this.#deps.nowMs() % 2 ** 32) | 0;
  }
}

/** An age above this is a time in the future. */
const aheadMs = 2 ** 32 - 60_000;
