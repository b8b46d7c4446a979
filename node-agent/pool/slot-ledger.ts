import { countMax } from "#shared/base/limits.ts";
import type { CounterTotals } from "#shared/measures/report.ts";

import {
  heldField,
  heldIndex,
  sharedField,
  sharedIndex,
  totalColumn,
  totalIndex,
  workerRow,
  type CounterMemory,
  type TotalColumn,
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
  readonly #totals: Float64Array;
  readonly #held: Int32Array;
  readonly #free: number[] = [];
  readonly #others = new Set<Settled>();
  #untouched = 0;

  constructor(memory: CounterMemory) {
    this.memory = memory;
    this.#shared = new Int32Array(memory.shared);
    this.#totals = new Float64Array(memory.totals);
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
    for (const row of this.#rowsOf(index)) {
      for (const column of Object.values(totalColumn)) this.#totals[totalIndex(row, column)] = 0;
    }
    for (const field of ["cursor", "rate", "measurement", "dialFailures"] as const) {
      Atomics.store(this.#shared, sharedIndex(index, sharedField[field]), 0);
    }
    return { index, generation: this.#generationOf(index) };
  }

  /**
   * Takes a slot back unless a connection holds it, in which case it stays with its owner under the
   * returned new reference. From this call on nobody can acquire it by the old one.
   */
  retire(slot: SlotRef): { readonly retired: true } | { readonly retired: false; slot: SlotRef } {
    Atomics.add(this.#shared, sharedIndex(slot.index, sharedField.generation), 1);
    if (this.inUse(slot) === 0) {
      this.#free.push(slot.index);
      return { retired: true };
    }
    const generation = this.#generationOf(slot.index);
    return { retired: false, slot: { index: slot.index, generation } };
  }

  /** Connections, with those that are being dialled. */
  inUse(slot: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(slot.index, sharedField.inUse));
  }

  /** Connections that reached their backend. */
  active(slot: SlotRef): number {
    let active = 0;
    for (const row of this.#rowsOf(slot.index)) {
      active += Atomics.load(this.#held, heldIndex(row, heldField.active));
    }
    return active;
  }

  totals(slot: SlotRef): CounterTotals {
    const rows = this.#rowsOf(slot.index);
    const total = (column: TotalColumn): number =>
      rows.reduce((sum, row) => sum + (this.#totals[totalIndex(row, column)] ?? 0), 0);
    return {
      connections: total(totalColumn.connections),
      refused: total(totalColumn.refused),
      rejected: total(totalColumn.rejected),
      rxBytes: total(totalColumn.rxBytes),
      txBytes: total(totalColumn.txBytes),
    };
  }

  /** Dials to a backend that failed in a row, over all workers. */
  dialFailures(backend: SlotRef): number {
    return Atomics.load(this.#shared, sharedIndex(backend.index, sharedField.dialFailures));
  }

  /** Lets the count of failed dials begin anew. */
  forgiveDials(backend: SlotRef): void {
    Atomics.store(this.#shared, sharedIndex(backend.index, sharedField.dialFailures), 0);
  }

  /** Tells workers what a backend moved, both ways; beyond 2 GB a second all count as equally busy. */
  setRate(backend: SlotRef, bytesPerSecond: number): void {
    const rate = Math.min(countMax, Math.round(bytesPerSecond));
    Atomics.store(this.#shared, sharedIndex(backend.index, sharedField.rate), rate);
  }

  /** Tells workers that all rates of a balancer's backends are new. */
  measured(balancer: SlotRef): void {
    Atomics.add(this.#shared, sharedIndex(balancer.index, sharedField.measurement), 1);
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
      const row = workerRow(this.memory, worker, slot);
      const inUse = Atomics.exchange(this.#held, heldIndex(row, heldField.inUse), 0);
      Atomics.sub(this.#shared, sharedIndex(slot, sharedField.inUse), inUse);
      Atomics.store(this.#held, heldIndex(row, heldField.active), 0);
      if (inUse > 0) lost.set(slot, inUse);
    }
    for (const other of this.#others) other.settle(worker);
    return lost;
  }

  /** What each worker counts and holds of a slot. */
  #rowsOf(slot: number): readonly number[] {
    const { workers } = this.memory;
    return Array.from({ length: workers }, (_, worker) => workerRow(this.memory, worker, slot));
  }

  #generationOf(index: number): number {
    return Atomics.load(this.#shared, sharedIndex(index, sharedField.generation));
  }

  #nextUntouched(): number | undefined {
    if (this.#untouched === this.memory.slots) return undefined;
    this.#untouched += 1;
    return this.#untouched - 1;
  }
}
