import type { TotalsRow } from "#shared/measures/interval.ts";
import type { CounterTotals } from "#shared/measures/report.ts";

import type { BackendEntry, BackendTable } from "../pool/backend-table.ts";
import type { SlotRef } from "../pool/pool-view.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import type { RateMeter } from "../stats/rate-meter.ts";
import type { BackendStatus } from "./balancer-status.ts";

/** Where a balancer's numbers are. */
export interface BalancerNumbers {
  readonly id: string;
  readonly slot: SlotRef;
  readonly ledger: SlotLedger;
  readonly table: BackendTable;
}

/** The name of the balancer's own row among those of its backends. */
export const ownRow = "";

/**
 * The balancer's row and one for each backend, those that have just left included. What backends
 * count adds up to what the balancer counts, also after some of them have left.
 */
export function balancerRows(numbers: BalancerNumbers): readonly TotalsRow[] {
  const { id, slot, ledger, table } = numbers;
  const entries = table.entries();
  const names = new Set(entries.map((entry) => entry.name));
  const own: TotalsRow = {
    balancer: id,
    backend: ownRow,
    counters: balancerTotals(numbers),
    gauges: {
      activeConnections: ledger.inUse(slot),
      live: entries.filter((entry) => entry.isLive && entry.isDiscovered).length,
    },
  };
  const present = entries.map((entry): TotalsRow => {
    const gauges = { activeConnections: ledger.active(entry.slot), live: entry.isLive ? 1 : 0 };
    return { balancer: id, backend: entry.name, counters: ledger.totals(entry.slot), gauges };
  });
  const departed = table
    .departed()
    // A backend that is back has a row of its own, and counts anew.
    .filter((row) => !names.has(row.name))
    .map((row): TotalsRow => {
      const gauges = { activeConnections: 0, live: 0 };
      return { balancer: id, backend: row.name, counters: row.totals, gauges };
    });
  return [own, ...present, ...departed];
}

/** Sums over all backends there have been; clients without a dial are the balancer's own count. */
export function balancerTotals({ slot, ledger, table }: BalancerNumbers): CounterTotals {
  return { ...table.totals(), rejected: ledger.totals(slot).rejected };
}

/** What the rates are made of: totals by row name. */
export function measuredTotals(numbers: BalancerNumbers): ReadonlyMap<string, CounterTotals> {
  const { ledger, table } = numbers;
  const backends = table.entries().map((entry) => [entry.name, ledger.totals(entry.slot)] as const);
  return new Map([[ownRow, balancerTotals(numbers)] as const, ...backends]);
}

/** The backends in the order of their names. */
export function backendStatuses(
  { ledger, table }: BalancerNumbers,
  meter: RateMeter,
): readonly BackendStatus[] {
  return table
    .entries()
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((entry) => backendStatus(entry, ledger, meter));
}

function backendStatus(entry: BackendEntry, ledger: SlotLedger, meter: RateMeter): BackendStatus {
  const { name, backend, slot, isLive, isDiscovered } = entry;
  return {
    name,
    isLive,
    isDiscovered,
    weight: backend.weight,
    priority: backend.priority,
    maxConnections: backend.maxConnections,
    activeConnections: ledger.active(slot),
    totals: ledger.totals(slot),
    rates: meter.ratesOf(name),
  };
}
