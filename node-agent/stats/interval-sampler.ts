import type { Clock } from "#shared/base/clock.ts";
import {
  intervalRows,
  mergedRows,
  standingRows,
  type TotalsRow,
} from "#shared/measures/interval.ts";

import type { Interval } from "./report-queue.ts";

/** Turns totals into what happened, as often as it is asked. */
export interface IntervalSampler {
  /** Reads the totals, so that what goes away soon is counted. */
  sample(): void;
  /** What happened since the last `take`, up to now. */
  take(): Interval;
  /** As `take`, with what is there and did not move: for whoever knows nothing of it. */
  takeAll(): Interval;
  /** The totals when they were read last. */
  counted(): readonly TotalsRow[];
}

/**
 * @param totals counters as they stand; those of what is gone must still be read once
 * @param counted what has been counted of them already
 */
export function createIntervalSampler(
  clock: Clock,
  totals: () => readonly TotalsRow[],
  counted: readonly TotalsRow[] = [],
): IntervalSampler {
  let before = counted;
  let current: Interval = { fromMs: wallMs(clock), toMs: wallMs(clock), rows: [] };
  const sample = (): void => {
    const after = totals();
    // The wall clock may be set back; an interval must not end before it begins.
    const toMs = Math.max(current.toMs, wallMs(clock));
    current = { ...current, toMs, rows: mergedRows(current.rows, intervalRows(before, after)) };
    before = after;
  };
  const take = (): Interval => {
    sample();
    const taken = current;
    current = { fromMs: taken.toMs, toMs: taken.toMs, rows: [] };
    return taken;
  };
  return {
    sample,
    take,
    takeAll: () => {
      const taken = take();
      return { ...taken, rows: mergedRows(standingRows(before), taken.rows) };
    },
    counted: () => before,
  };
}

function wallMs(clock: Clock): number {
  return Math.max(0, Math.round(clock.nowMs()));
}
