import { counterSlotsMax } from "#shared/base/limits.ts";
import type { CounterColumn } from "#shared/measures/report.ts";

/**
 * The memory that the main thread and the workers count in. A slot is one balancer or one backend:
 * numbers that are exact at every moment over all workers, and its counters.
 *
 * Per worker there is also what it has counted for each slot, and what it holds of it, so that the
 * shared numbers can be put right when it dies. A worker writes these alone, and so without atomic
 * operations; sums over the workers are the main thread's to make. Pages that nothing touches take
 * no memory.
 */
export interface CounterMemory {
  readonly slots: number;
  readonly workers: number;
  readonly shared: SharedArrayBuffer;
  readonly totals: SharedArrayBuffer;
  readonly held: SharedArrayBuffer;
}

/** Memory for so many workers, all zero. */
export function createCounterMemory(shape: {
  readonly workers: number;
  readonly slots?: number;
}): CounterMemory {
  const slots = shape.slots ?? counterSlotsMax;
  return {
    slots,
    workers: shape.workers,
    shared: new SharedArrayBuffer(slots * sharedFields * Int32Array.BYTES_PER_ELEMENT),
    totals: new SharedArrayBuffer(
      shape.workers * slots * totalColumns * Float64Array.BYTES_PER_ELEMENT,
    ),
    held: new SharedArrayBuffer(shape.workers * slots * heldFields * Int32Array.BYTES_PER_ELEMENT),
  };
}

/** Numbers of a slot, in `shared`. */
export const sharedField = {
  /** Counts the slot's uses. */
  generation: 0,
  /** Connections, with those that are still being dialled. */
  inUse: 1,
  /** Where a rotation goes on. */
  cursor: 2,
  /** Bytes a second of a backend, both ways, as measured last. */
  rate: 3,
  /** Counts a balancer's measurements. */
  measurement: 4,
  /** Dials to a backend that failed in a row. */
  dialFailures: 5,
} as const;
const sharedFields = 6;

/** What one worker holds of a slot, in `held`: places, and connections that reached their backend. */
export const heldField = { inUse: 0, active: 1 } as const;
const heldFields = 2;

// Fields go by their numbers: looked up by name, each of the dozens of steps of a connection would
// cost ten times what it does.

export function sharedIndex(
  slot: number,
  field: (typeof sharedField)[keyof typeof sharedField],
): number {
  return slot * sharedFields + field;
}

/** `row`: what `workerRow` says of the worker and the slot. */
export function heldIndex(row: number, field: (typeof heldField)[keyof typeof heldField]): number {
  return row * heldFields + field;
}

/** Where a worker's own numbers of a slot stand, in `held` and in `totals`. */
export function workerRow(memory: CounterMemory, worker: number, slot: number): number {
  return worker * memory.slots + slot;
}

/** Spelled out, because a worker that imported the columns would load the schemas they stand with. */
export const totalColumn = {
  connections: 0,
  refused: 1,
  rejected: 2,
  rxBytes: 3,
  txBytes: 4,
} as const satisfies Readonly<Record<CounterColumn, number>>;
export type TotalColumn = (typeof totalColumn)[CounterColumn];
const totalColumns = 5;

/** `row`: what `workerRow` says of the worker and the slot. */
export function totalIndex(row: number, column: TotalColumn): number {
  return row * totalColumns + column;
}
