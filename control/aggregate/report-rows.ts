import {
  counterColumns,
  gaugeColumns,
  type CounterColumn,
  type GaugeColumn,
  type Report,
} from "#shared/measures/report.ts";

import type { ReportRowWrite } from "../storage/queries/node-reports.ts";

/** Rows of the same thing in the same ten seconds are one. */
const bucketMs = 10_000;

/** A report and the moment it counts for. */
export interface TimedReport {
  readonly report: Report;
  readonly atMs: number;
}

/**
 * What reports of one boot amount to, in their order: counters added up per balancer, backend and
 * ten seconds; the later gauges win. Columns that are not known here are left out, columns that
 * are not in the report are zero.
 */
export function reportRows(n: number, reports: readonly TimedReport[]): readonly ReportRowWrite[] {
  const rows = new Map<string, ReportRowWrite>();
  for (const { report, atMs } of reports) {
    const counters = positions(counterColumns, report.counterColumns);
    const gauges = positions(gaugeColumns, report.gaugeColumns);
    for (const { balancer, backend, ...values } of report.rows) {
      const key = JSON.stringify([balancer, backend, Math.floor(atMs / bucketMs)]);
      const before = rows.get(key);
      const added = picked(counters, values.counters, before);
      const latest = picked(gauges, values.gauges, undefined);
      rows.set(key, { n, balancer, backend, atMs, ...added, ...latest });
    }
  }
  return [...rows.values()];
}

type Positions<C extends string> = Readonly<Record<C, number>>;

/** Where each known column stands in the report; -1 when it does not. */
function positions<C extends CounterColumn | GaugeColumn>(
  known: readonly C[],
  reported: readonly string[],
): Positions<C> {
  const entries = known.map((column) => [column, reported.indexOf(column)] as const);
  return recordOf(entries);
}

/** The known columns' values, added to those there were before. */
function picked<C extends string>(
  positions: Positions<C>,
  values: readonly number[],
  before: Positions<C> | undefined,
): Positions<C> {
  const entries: (readonly [C, number])[] = [];
  for (const column in positions) {
    const value = values[positions[column]] ?? 0;
    entries.push([column, Math.min(Number.MAX_SAFE_INTEGER, value + (before?.[column] ?? 0))]);
  }
  return recordOf(entries);
}

/** Guarantee: called with exactly one entry for each column of `C`. */
function recordOf<C extends string>(entries: readonly (readonly [C, number])[]): Positions<C> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return Object.fromEntries(entries) as Positions<C>;
}
