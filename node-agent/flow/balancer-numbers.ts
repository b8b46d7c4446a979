import type { Clock } from "#shared/base/clock.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";
import type { CounterTotals } from "#shared/measures/report.ts";

import type { BackendEntry } from "../pool/backend-table.ts";
import type { SlotRef } from "../pool/pool-view.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import { addedTotals } from "../pool/totals.ts";
import { isOffered } from "../pool/usable-entries.ts";
import { RateMeter } from "../stats/rate-meter.ts";
import type { BalancerPool } from "./balancer-pool.ts";
import type { BackendStatus, BalancerStatus } from "./balancer-status.ts";

export interface BalancerNumbersDeps {
  readonly clock: Clock;
  readonly ledger: SlotLedger;
  readonly id: string;
  /** Where the balancer itself is counted. */
  readonly slot: SlotRef;
  /** Whose backends are counted. */
  readonly pool: Pick<BalancerPool, "table" | "checkResults">;
}

/** The numbers that a balancer is shown with. */
export type ShownNumbers = Pick<BalancerStatus, "totals" | "rates" | "backends">;

interface CountedBackend {
  readonly entry: BackendEntry;
  readonly totals: CounterTotals;
}

/**
 * A reading of all counters, each looked at once: what the backends show adds up to what the
 * balancer shows, while workers go on counting.
 */
interface Reading {
  readonly own: CounterTotals;
  readonly backends: readonly CountedBackend[];
}

/** What a balancer and each of its backends have carried and carry: rows to report, and rates. */
export class BalancerNumbers {
  readonly #deps: BalancerNumbersDeps;
  readonly #meter = new RateMeter();

  constructor(deps: BalancerNumbersDeps) {
    this.#deps = deps;
  }

  /** Takes a reading for the rates, and tells the workers what they came to. To be called now and then. */
  measure(): void {
    const { clock, ledger, slot } = this.#deps;
    const { own, backends } = this.#read();
    const named = backends.map(({ entry, totals }) => [entry.name, totals] as const);
    this.#meter.look(new Map([[ownRow, own] as const, ...named]), clock.monotonicMs());
    for (const { entry } of backends) {
      const { rxPerSecond, txPerSecond } = this.#meter.ratesOf(entry.name);
      ledger.setRate(entry.slot, rxPerSecond + txPerSecond);
    }
    ledger.measured(slot);
  }

  /** The balancer's row and one for each backend, those that have just left included. */
  rows(): readonly TotalsRow[] {
    const { id, slot, ledger, pool } = this.#deps;
    const { own, backends } = this.#read();
    const names = new Set(backends.map(({ entry }) => entry.name));
    const live = backends.filter(({ entry }) => entry.isLive && isOffered(entry)).length;
    const row = (
      backend: string,
      counters: CounterTotals,
      gauges: TotalsRow["gauges"],
    ): TotalsRow => ({ balancer: id, backend, counters, gauges });
    return [
      row(ownRow, own, { activeConnections: ledger.inUse(slot), live }),
      ...backends.map(({ entry, totals }) => {
        const gauges = { activeConnections: ledger.active(entry.slot), live: entry.isLive ? 1 : 0 };
        return row(entry.name, totals, gauges);
      }),
      // A backend that is back has a row of its own, and counts anew.
      ...pool.table
        .departed()
        .filter(({ name }) => !names.has(name))
        .map(({ name, totals }) => row(name, totals, { activeConnections: 0, live: 0 })),
    ];
  }

  /** For whoever looks at the balancer; the backends are in the order of their names. */
  shown(): ShownNumbers {
    const { own, backends } = this.#read();
    const ordered = backends.toSorted((a, b) => (a.entry.name < b.entry.name ? -1 : 1));
    return {
      totals: own,
      rates: this.#meter.ratesOf(ownRow),
      backends: ordered.map((counted) => this.#backendStatus(counted)),
    };
  }

  /** Sums over all backends there have been; clients without a dial are the balancer's own count. */
  #read(): Reading {
    const { slot, ledger, pool } = this.#deps;
    const { table } = pool;
    const backends = table.entries().map((entry) => ({ entry, totals: ledger.totals(entry.slot) }));
    const sum = backends.reduce((all, one) => addedTotals(all, one.totals), table.departedTotals());
    return { own: { ...sum, rejected: ledger.totals(slot).rejected }, backends };
  }

  #backendStatus({ entry, totals }: CountedBackend): BackendStatus {
    const { name, backend, slot } = entry;
    const { ledger, pool } = this.#deps;
    return {
      name,
      isLive: entry.isLive,
      isEjected: entry.isEjected,
      isDiscovered: entry.isDiscovered,
      state: backend.state ?? "enabled",
      checks: pool.checkResults(name),
      weight: backend.weight,
      priority: backend.priority,
      maxConnections: backend.maxConnections,
      activeConnections: ledger.active(slot),
      totals,
      rates: this.#meter.ratesOf(name),
    };
  }
}

/** The name of the balancer's own row among those of its backends. */
const ownRow = "";
