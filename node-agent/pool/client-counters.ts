import { clientLockMsMax } from "#shared/base/limits.ts";

import { addressHash } from "./address-hash.ts";
import { clientCell, clientCells, clientWays, type ClientMemory } from "./client-memory.ts";

/** What one client may have; 0 is without limit. */
export interface ClientBounds {
  readonly maxConnections: number;
  /** New connections a second, and at most so many at once. */
  readonly newPerSecond: number;
}

/** What became of a client's wish for one more connection. */
export type ClientPlace =
  /** To be released by its number when the connection has closed. */
  | { readonly kind: "taken"; readonly entry: number }
  /**
   * Everybody of the client's set has connections open, or its lock was not to be had in time: it is
   * let in without being counted.
   */
  | { readonly kind: "uncounted" }
  | { readonly kind: "too-many" }
  | { readonly kind: "too-fast" };

export interface ClientCountersDeps {
  readonly memory: ClientMemory;
  readonly worker: number;
  /** Monotonic, the same in all workers. */
  readonly nowMs: () => number;
}

/** An allowance is whole again after this. */
const refillMs = 1_000;
/** Tries to get a lock before each wait of 1 ms: as long as another worker takes to count. */
const lockTriesMax = 200;

/**
 * One worker's hand on the clients of a balancer. Exact over all workers, since an entry is looked
 * for and counted under its set's lock, which is held for less than a microsecond. An entry with
 * connections stays; without, it makes room for another client when its set is full.
 */
export class ClientCounters {
  readonly #deps: ClientCountersDeps;
  readonly #cells: Int32Array;
  readonly #locks: Int32Array;
  readonly #held: Int32Array;

  constructor(deps: ClientCountersDeps) {
    this.#deps = deps;
    this.#cells = new Int32Array(deps.memory.cells);
    this.#locks = new Int32Array(deps.memory.locks);
    this.#held = new Int32Array(deps.memory.held);
  }

  /** Takes a place for the client with this address of 16 bytes. */
  take(address: Uint8Array, bounds: ClientBounds): ClientPlace {
    const { memory } = this.#deps;
    const set = addressHash(address, memory.seed) % this.#locks.length;
    if (!this.#lock(set)) return { kind: "uncounted" };
    const entry = this.#find(set, address) ?? this.#claim(set, address, bounds);
    const place = entry === undefined ? uncounted : this.#count(entry, bounds);
    Atomics.store(this.#locks, set, 0);
    return place;
  }

  /** Gives a place back. */
  release(entry: number): void {
    this.#hold(entry, -1);
  }

  #count(entry: number, { maxConnections, newPerSecond }: ClientBounds): ClientPlace {
    const first = entry * clientCells;
    const connections = Atomics.load(this.#cells, first + clientCell.connections);
    if (maxConnections > 0 && connections >= maxConnections) return { kind: "too-many" };
    if (newPerSecond > 0) {
      const allowance = this.#allowance(first, newPerSecond);
      if (allowance < 1_000) return { kind: "too-fast" };
      this.#set(first + clientCell.allowance, allowance - 1_000);
      this.#set(first + clientCell.countedMs, this.#now());
    }
    this.#hold(entry, 1);
    return { kind: "taken", entry };
  }

  /** In thousandths: what was left, and what has come since. */
  #allowance(first: number, newPerSecond: number): number {
    const gained = Math.min(refillMs, this.#idleMs(first)) * newPerSecond;
    return Math.min(1_000 * newPerSecond, this.#get(first + clientCell.allowance) + gained);
  }

  #find(set: number, address: Uint8Array): number | undefined {
    for (let way = 0; way < clientWays; way += 1) {
      const entry = set * clientWays + way;
      if (this.#isOf(entry * clientCells, address)) return entry;
    }
    return undefined;
  }

  /** An empty entry, or the one without connections that was unused for longest. */
  #claim(set: number, address: Uint8Array, bounds: ClientBounds): number | undefined {
    let claimed: number | undefined;
    let longestMs = -1;
    for (let way = 0; way < clientWays; way += 1) {
      const first = (set * clientWays + way) * clientCells;
      if (Atomics.load(this.#cells, first + clientCell.connections) > 0) continue;
      const isTaken = this.#get(first + clientCell.isTaken) === 1;
      const idleMs = isTaken ? this.#idleMs(first) : Number.POSITIVE_INFINITY;
      if (idleMs <= longestMs) continue;
      longestMs = idleMs;
      claimed = set * clientWays + way;
    }
    if (claimed !== undefined) this.#begin(claimed * clientCells, address, bounds);
    return claimed;
  }

  #begin(first: number, address: Uint8Array, { newPerSecond }: ClientBounds): void {
    for (let word = 0; word < 4; word += 1) this.#set(first + word, wordOf(address, word));
    this.#set(first + clientCell.allowance, 1_000 * newPerSecond);
    this.#set(first + clientCell.countedMs, this.#now());
    this.#set(first + clientCell.isTaken, 1);
  }

  #isOf(first: number, address: Uint8Array): boolean {
    if (this.#get(first + clientCell.isTaken) !== 1) return false;
    for (let word = 0; word < 4; word += 1) {
      if (this.#get(first + word) !== wordOf(address, word)) return false;
    }
    return true;
  }

  /** False when the lock was not to be had in time. */
  #lock(set: number): boolean {
    const mine = this.#deps.worker + 1;
    for (let wait = 0; wait < clientLockMsMax; wait += 1) {
      for (let attempt = 0; attempt < lockTriesMax; attempt += 1) {
        if (Atomics.compareExchange(this.#locks, set, 0, mine) === 0) return true;
      }
      const owner = Atomics.load(this.#locks, set);
      if (owner !== 0) Atomics.wait(this.#locks, set, owner, 1);
    }
    return false;
  }

  #hold(entry: number, change: 1 | -1): void {
    const { memory, worker } = this.#deps;
    Atomics.add(this.#held, worker * memory.entries + entry, change);
    Atomics.add(this.#cells, entry * clientCells + clientCell.connections, change);
  }

  /** Modulo 49 days; another worker may have read the time a moment later than this one. */
  #idleMs(first: number): number {
    const idle = (this.#now() - this.#get(first + clientCell.countedMs)) >>> 0;
    return idle > aheadMs ? 0 : idle;
  }

  #now(): number {
    return Math.trunc(this.#deps.nowMs() % 2 ** 32) | 0;
  }

  #get(cell: number): number {
    return this.#cells[cell] ?? 0;
  }

  #set(cell: number, value: number): void {
    this.#cells[cell] = value;
  }
}

const uncounted = { kind: "uncounted" } as const satisfies ClientPlace;
/** An idle time above this is a time in the future. */
const aheadMs = 2 ** 32 - 60_000;

function wordOf(address: Uint8Array, word: number): number {
  const first = word * 4;
  const byte = (index: number): number => address[first + index] ?? 0;
  return (byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3);
}
