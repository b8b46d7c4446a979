import { countMax } from "#shared/base/limits.ts";
import { counterColumns, type CounterTotals } from "#shared/measures/report.ts";

import {
  heldIndex,
  sharedIndex,
  totalIndex,
  type CounterMemory,
  type heldField,
} from "./counter-memory.ts";
import type { SlotRef } from "./pool-view.ts";

/** Memory that workers hold parts of. */
export interface Settled {
  /** Gives back what a worker held that is dead. */
  settle(worker: number): void;
}

/** Who owns which slot: the main thread's side of the shared counters, and its only writer. */
export class SlotLedger {
  readonly memory: CounterMemory;
  readonly #shared: Int32Array;
  readonly #totals: BigInt64Array;
  readonly #held: Int32Array;
  readonly #free: number[] = [];
  readonly #others = new Set<Settled>();
  #untouched = 0;

  constructor(memory: CounterMemory) {
    this.memory = memory;
    this.#shared = new Int32Array(memory.shared);
    this.#totals = new BigInt64Array(memory.totals);
    this.#held = new Int32Array(memory.held);
  }

  /** Slots that can still be handed out. */
  get available(): number {
    return this.#free.length + this.memory.slots - this.#untouched;
  }

  /** A slot with all counters at zero; undefined when all `counterSlotsMax` are in use. */
  allocate(): SlotRef | undefined {
    const index = this.#free.pop() ?? this.#nextUntouched();
    if (index === undefined) return undefined;
    for (const column of counterColumns) Atomics.store(this.#totals, totalIndex(index, column), 0n);
    for (const field of ["cursor", "rate", "measurement", "dialFailures"] as const) {
      Atomics.store(this.#shared, sharedIndex(index, field), 0);
    }
    return { index, generation: this.#generationOf(index) };
  }

  /**
   * Takes a slot back unless a connection holds it, in which case it stays with its owner under the
   * returned new reference. From this call on nobody can acquire it by the old one.
   */
  retire(slot: SlotRef): { readonly retired: true } | { readonly retired: false; slot: SlotRef } {
    Atomics.add(this.#shared, sharedIndex(slot.index, "generation"), 1);
    if (this.inUse(slot) === 0) {
      this.#free.push(slot.index);
      return { retired: true };
    }
    const generation = this.#generationOf(slot.index);
    return { retired: false, slot: { index: slot.index, generation } };
  }

  /** Connections, with those that are being dialled. */
  inUse(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, "inUse"));
  }

  /** Connections that reached their backend. */
  active(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, "active"));
  }

  totals(slot: SlotRef): CounterTotals {
    const total = (column: (typeof counterColumns)[number]): number =>
      Number(Atomics.load(this.#totals, totalIndex(slot.index, column)));
    return {
      connections: total("connections"),
      refused: total("refused"),
      rejected: total("rejected"),
      rxBytes: total("rxBytes"),
      txBytes: total("txBytes"),
    };
  }

  /** Dials to a backend that failed in a row, over all workers. */
  dialFailures(backend: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(backend.index, "dialFailures"));
  }

  /** Lets the count of failed dials begin anew. */
  forgiveDials(backend: SlotRef): void {
    Atomics.store(this.#shared, sharedIndex(backend.index, "dialFailures"), 0);
  }

  /** Tells workers what a backend moved, both ways; beyond 2 GB a second all count as equally busy. */
  setRate(backend: SlotRef, bytesPerSecond: number): void {
    const rate = Math.min(countMax, Math.round(bytesPerSecond));
    Atomics.store(this.#shared, sharedIndex(backend.index, "rate"), rate);
  }

  /** Tells workers that all rates of a balancer's backends are new. */
  measured(balancer: SlotRef): void {
    Atomics.add(this.#shared, sharedIndex(balancer.index, "measurement"), 1);
  }

  /** Has other memory settled along with the slots, from now on; what it returns ends that. */
  settleAlong(other: Settled): () => void {
    this.#others.add(other);
    return () => this.#others.delete(other);
  }

  /**
   * Gives back what a worker held when it died: its connections are gone, and so are its dials.
   * Returns how many places that were, by slot index. Only to be called once the worker is dead.
   */
  settle(worker: number): ReadonlyMap<number, number> {
    const lost = new Map<number, number>();
    for (let slot = 0; slot < this.#untouched; slot += 1) {
      const inUse = this.#giveBack(worker, slot, "inUse");
      this.#giveBack(worker, slot, "active");
      if (inUse > 0) lost.set(slot, inUse);
    }
    for (const other of this.#others) other.settle(worker);
    return lost;
  }

  #giveBack(worker: number, slot: number, field: keyof typeof heldField): number {
    const index = heldIndex({ memory: this.memory, worker, slot, field });
    const held = Atomics.exchange(this.#held, index, 0);
    Atomics.sub(this.#shared, sharedIndex(slot, field), held);
    return held;
  }

  #generationOf(index: number): number {
    return Atomics.load(this.#shared, sharedIndex(index, "generation"));
  }

  #nextUntouched(): number | undefined {
    if (this.#untouched === this.memory.slots) return undefined;
    this.#untouched += 1;
    return this.#untouched - 1;
  }
}
