import type { TotalsRow } from "#shared/measures/interval.ts";
import type { CounterTotals } from "#shared/measures/report.ts";

import type { CheckResult } from "../health/node-checks.ts";
import type { BackendEntry, BackendTable } from "../pool/backend-table.ts";
import type { SlotRef } from "../pool/pool-view.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import { addedTotals } from "../pool/totals.ts";
import { isOffered } from "../pool/usable-entries.ts";
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

interface CountedBackend {
  readonly entry: BackendEntry;
  readonly totals: CounterTotals;
}

/**
 * A reading of all counters, each looked at once: what the backends show adds up to what the
 * balancer shows, while workers go on counting.
 */
export interface Reading {
  readonly own: CounterTotals;
  readonly backends: readonly CountedBackend[];
}

/** Sums over all backends there have been; clients without a dial are the balancer's own count. */
export function readNumbers({ slot, ledger, table }: BalancerNumbers): Reading {
  const backends = table.entries().map((entry) => ({ entry, totals: ledger.totals(entry.slot) }));
  const sum = backends.reduce((all, one) => addedTotals(all, one.totals), table.departedTotals());
  return { own: { ...sum, rejected: ledger.totals(slot).rejected }, backends };
}

/** The balancer's row and one for each backend, those that have just left included. */
export function balancerRows(numbers: BalancerNumbers): readonly TotalsRow[] {
  const { id, slot, ledger, table } = numbers;
  const { own, backends } = readNumbers(numbers);
  const names = new Set(backends.map(({ entry }) => entry.name));
  const live = backends.filter(({ entry }) => entry.isLive && isOffered(entry)).length;
  const row = (
    backend: string,
    counters: CounterTotals,
    gauges: TotalsRow["gauges"],
  ): TotalsRow => ({
    balancer: id,
    backend,
    counters,
    gauges,
  });
  return [
    row(ownRow, own, { activeConnections: ledger.inUse(slot), live }),
    ...backends.map(({ entry, totals }) => {
      const gauges = { activeConnections: ledger.active(entry.slot), live: entry.isLive ? 1 : 0 };
      return row(entry.name, totals, gauges);
    }),
    // A backend that is back has a row of its own, and counts anew.
    ...table
      .departed()
      .filter(({ name }) => !names.has(name))
      .map(({ name, totals }) => row(name, totals, { activeConnections: 0, live: 0 })),
  ];
}

/** What the rates are made of: totals by row name. */
export function measuredTotals({ own, backends }: Reading): ReadonlyMap<string, CounterTotals> {
  const named = backends.map(({ entry, totals }) => [entry.name, totals] as const);
  return new Map([[ownRow, own] as const, ...named]);
}

/** Where the numbers of backends come from. */
export interface BackendNumbers {
  readonly ledger: SlotLedger;
  readonly meter: RateMeter;
  readonly checksOf: (backend: string) => readonly CheckResult[];
}

/** The backends in the order of their names. */
export function backendStatuses(
  { backends }: Reading,
  { ledger, meter, checksOf }: BackendNumbers,
): readonly BackendStatus[] {
  return backends
    .toSorted((a, b) => (a.entry.name < b.entry.name ? -1 : 1))
    .map(({ entry: { name, backend, slot, ...entry }, totals }) => ({
      name,
      isLive: entry.isLive,
      isEjected: entry.isEjected,
      isDiscovered: entry.isDiscovered,
      state: backend.state ?? "enabled",
      checks: checksOf(name),
      weight: backend.weight,
      priority: backend.priority,
      maxConnections: backend.maxConnections,
      activeConnections: ledger.active(slot),
      totals,
      rates: meter.ratesOf(name),
    }));
}

/** Tells the workers what each backend moves, and that all of it is new. */
export function tellRates(
  { backends }: Reading,
  to: { readonly ledger: SlotLedger; readonly meter: RateMeter; readonly balancer: SlotRef },
): void {
  for (const { entry } of backends) {
    const { rxPerSecond, txPerSecond } = to.meter.ratesOf(entry.name);
    to.ledger.setRate(entry.slot, rxPerSecond + txPerSecond);
  }
  to.ledger.measured(to.balancer);
}
