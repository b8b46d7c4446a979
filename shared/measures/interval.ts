import {
  counterColumns,
  gaugeColumns,
  type CounterTotals,
  type GaugeValues,
  type ReportRow,
} from "./report.ts";

/** The totals of one balancer or backend at some moment. */
export interface TotalsRow {
  readonly balancer: string;
  /** `host:port`, or empty for the balancer as a whole. */
  readonly backend: string;
  readonly counters: CounterTotals;
  readonly gauges: GaugeValues;
}

/** A key that is unique among the rows of one moment. */
export function rowKey(row: { readonly balancer: string; readonly backend: string }): string {
  return `${row.balancer} ${row.backend}`;
}

/**
 * What happened between two moments. A row that is new, or whose totals went down because it was
 * made anew, counts from zero. Rows in which nothing moved are left out; one that has left is told
 * once more, as gone.
 */
export function intervalRows(
  before: readonly TotalsRow[],
  after: readonly TotalsRow[],
): readonly ReportRow[] {
  const known = new Map(before.map((row) => [rowKey(row), row]));
  const moved = after.flatMap((row) => {
    const previous = known.get(rowKey(row));
    known.delete(rowKey(row));
    const changed = previous === undefined || !sameTotals(previous, row);
    return changed ? [intervalRow(previous, row)] : [];
  });
  return [...moved, ...[...known.values()].map(goneRow)];
}

/** All that is there, as if nothing had happened since: no increase, gauges as they stand. */
export function standingRows(rows: readonly TotalsRow[]): readonly ReportRow[] {
  return rows.map((row) => intervalRow(row, row));
}

/** Adds reports' rows up: counters are summed, the later gauges win. */
export function mergedRows(
  earlier: readonly ReportRow[],
  later: readonly ReportRow[],
): readonly ReportRow[] {
  const rows = new Map(earlier.map((row) => [rowKey(row), row]));
  for (const row of later) {
    const before = rows.get(rowKey(row));
    rows.set(rowKey(row), before === undefined ? row : mergedRow(before, row));
  }
  return [...rows.values()];
}

function mergedRow(before: ReportRow, after: ReportRow): ReportRow {
  const counters = after.counters.map((value, index) => value + (before.counters[index] ?? 0));
  return { ...after, counters };
}

function intervalRow(previous: TotalsRow | undefined, row: TotalsRow): ReportRow {
  const restarted =
    previous !== undefined &&
    counterColumns.some((column) => row.counters[column] < previous.counters[column]);
  const base = restarted ? undefined : previous?.counters;
  return {
    balancer: row.balancer,
    backend: row.backend,
    counters: counterColumns.map((column) => row.counters[column] - (base?.[column] ?? 0)),
    gauges: gaugeColumns.map((column) => (column === "gone" ? 0 : row.gauges[column])),
  };
}

function goneRow({ balancer, backend }: TotalsRow): ReportRow {
  return {
    balancer,
    backend,
    counters: counterColumns.map(() => 0),
    gauges: gaugeColumns.map((column) => (column === "gone" ? 1 : 0)),
  };
}

function sameTotals(a: TotalsRow, b: TotalsRow): boolean {
  return (
    counterColumns.every((column) => a.counters[column] === b.counters[column]) &&
    a.gauges.activeConnections === b.gauges.activeConnections &&
    a.gauges.live === b.gauges.live
  );
}
