import { rowKey, type TotalsRow } from "#shared/measures/interval.ts";

import { CarriedTotals } from "./carried-totals.ts";

/**
 * Totals of the agent before this one, which still drains or has ended. They are added to this
 * agent's own, so that counters never go down over a restart, and its open connections are counted
 * as long as it lives.
 */
export class PredecessorTotals {
  readonly #carried = new CarriedTotals();
  #rows: ReadonlyMap<string, TotalsRow> = new Map();

  /** Clients that it still serves. */
  get openConnections(): number {
    const own = [...this.#rows.values()].filter(({ backend }) => backend === "");
    return own.reduce((sum, { gauges }) => sum + gauges.activeConnections, 0);
  }

  /** Its totals as they stand. Rows that it does not tell of any more stay as they were, idle. */
  told(rows: readonly TotalsRow[]): void {
    const next = new Map(Array.from(this.#rows, ([key, row]) => [key, withOpen(row, 0)]));
    // Which backends live is this agent's own knowledge.
    for (const row of rows) next.set(rowKey(row), withOpen(row, row.gauges.activeConnections));
    this.#rows = next;
  }

  /** It is gone, and with it what it had open. */
  ended(nowMs: number): void {
    this.#carried.carry([...this.#rows.values()], nowMs);
    this.#rows = new Map();
  }

  /** One row a key: these, with the predecessor's. */
  mergedWith(own: readonly TotalsRow[], nowMs: number): readonly TotalsRow[] {
    return this.#carried.merged([...own, ...this.#rows.values()], nowMs);
  }
}

function withOpen(row: TotalsRow, activeConnections: number): TotalsRow {
  return { ...row, gauges: { ...row.gauges, activeConnections, live: 0 } };
}
