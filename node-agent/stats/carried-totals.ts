import { departedRowMs } from "#shared/base/limits.ts";
import { rowKey, type TotalsRow } from "#shared/measures/interval.ts";

import { addedTotals } from "../pool/totals.ts";

interface CarriedRow {
  readonly row: TotalsRow;
  readonly untilMs: number;
}

/**
 * Totals of balancers that were removed. While one of the same id runs, they are added to its own:
 * a balancer that is removed and started again has one row, and it never goes down. Otherwise they
 * are told for `departedRowMs`, so that no report misses the last bytes.
 */
export class CarriedTotals {
  #rows: ReadonlyMap<string, CarriedRow> = new Map();

  /** Takes the last rows of a balancer whose connections have all closed. */
  carry(rows: readonly TotalsRow[], nowMs: number): void {
    const carried = new Map(this.#rows);
    for (const row of rows) {
      const before = carried.get(rowKey(row));
      const idle = { ...row, gauges: { activeConnections: 0, live: 0 } };
      const sum = before === undefined ? idle : added(before.row, idle);
      carried.set(rowKey(row), { row: sum, untilMs: nowMs + departedRowMs });
    }
    this.#rows = carried;
  }

  /** One row a key: the rows of all that run, with what is carried. */
  merged(rows: readonly TotalsRow[], nowMs: number): readonly TotalsRow[] {
    const merged = new Map<string, TotalsRow>();
    for (const row of rows) {
      const same = merged.get(rowKey(row));
      merged.set(rowKey(row), same === undefined ? row : added(same, row));
    }
    const kept = [...this.#rows].filter(([key, { untilMs }]) => merged.has(key) || nowMs < untilMs);
    this.#rows = new Map(kept);
    for (const [key, { row }] of kept) {
      const same = merged.get(key);
      merged.set(key, same === undefined ? row : added(same, row));
    }
    return [...merged.values()];
  }
}

function added(a: TotalsRow, b: TotalsRow): TotalsRow {
  return {
    ...a,
    counters: addedTotals(a.counters, b.counters),
    gauges: {
      activeConnections: a.gauges.activeConnections + b.gauges.activeConnections,
      live: Math.max(a.gauges.live, b.gauges.live),
    },
  };
}
