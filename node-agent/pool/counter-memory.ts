import { counterSlotsMax } from "#shared/base/limits.ts";
import type { CounterColumn } from "#shared/measures/report.ts";

/**
 * The memory that the main thread and the workers count in. A slot is one balancer or one backend:
 * numbers that are exact at every moment over all workers, and its counters.
 *
 * Per worker there is also what that worker holds of each slot, written by it alone, so that the
 * shared numbers can be put right when it dies. Pages that nothing touches take no memory.
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
    totals: new SharedArrayBuffer(slots * totalColumns * BigInt64Array.BYTES_PER_ELEMENT),
    held: new SharedArrayBuffer(shape.workers * slots * heldFields * Int32Array.BYTES_PER_ELEMENT),
  };
}

/** Numbers of a slot, in `shared`. */
export const sharedField = {
  /** Counts the slot's uses. */
  generation: 0,
  /** Connections, with those that are still being dialled. */
  inUse: 1,
  /** Connections that reached their backend. */
  active: 2,
  /** Where a rotation goes on. */
  cursor: 3,
  /** Bytes a second of a backend, both ways, as measured last. */
  rate: 4,
  /** Counts a balancer's measurements. */
  measurement: 5,
  /** Dials to a backend that failed in a row. */
  dialFailures: 6,
} as const;
const sharedFields = 7;

/** What one worker holds of a slot, in `held`. */
export const heldField = { inUse: 0, active: 1 } as const;
const heldFields = 2;

export function sharedIndex(slot: number, field: keyof typeof sharedField): number {
  return slot * sharedFields + sharedField[field];
}

export function heldIndex(place: {
  readonly memory: CounterMemory;
  readonly worker: number;
  readonly slot: number;
  readonly field: keyof typeof heldField;
}): number {
  const { memory, worker, slot, field } = place;
  return (worker * memory.slots + slot) * heldFields + heldField[field];
}

/** Spelled out, because a worker that imported the columns would load the schemas they stand with. */
const columnPlace = {
  connections: 0,
  refused: 1,
  rejected: 2,
  rxBytes: 3,
  txBytes: 4,
} as const satisfies Readonly<Record<CounterColumn, number>>;
const totalColumns = 5;

export function totalIndex(slot: number, column: CounterColumn): number {
  return slot * totalColumns + columnPlace[column];
}
