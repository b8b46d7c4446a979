import type { Clock } from "#shared/base/clock.ts";
import { backendsPerBalancerMax, departedRowMs } from "#shared/base/limits.ts";
import { backendName } from "#shared/definition/backend-name.ts";
import type { CounterTotals } from "#shared/measures/report.ts";

import { isEnabled, type DirectedBackend } from "./directed-backend.ts";
import { emptyPool, type Candidate, type PoolView, type SlotRef } from "./pool-view.ts";
import type { SlotLedger } from "./slot-ledger.ts";
import { addedTotals, zeroTotals } from "./totals.ts";
import { usableEntries } from "./usable-entries.ts";

/** A backend that a balancer knows. */
export interface BackendEntry {
  /** `host:port`, IPv6 in brackets. */
  readonly name: string;
  readonly backend: DirectedBackend;
  readonly slot: SlotRef;
  readonly isLive: boolean;
  /** Monotonic time since which it can be elected; -Infinity of the first delivery's. */
  readonly liveSinceMs: number;
  /** Left out for a while, because dials to it failed. */
  readonly isEjected: boolean;
  /** The last delivery named it; otherwise it stays only for the connections it still has. */
  readonly isDiscovered: boolean;
}

/** A backend that has left, and its last totals: told a while longer, so that no report misses them. */
export interface DepartedBackend {
  readonly name: string;
  readonly totals: CounterTotals;
  readonly untilMs: number;
}

/** What a delivery changed, by name. */
export interface Delivery {
  readonly added: readonly string[];
  /** Gone at once; those with connections follow when they are idle. */
  readonly removed: readonly string[];
  /** Backends that were left out: `backendsPerBalancerMax`, or no slot was free. */
  readonly leftOut: number;
}

export interface BackendTableDeps {
  readonly ledger: SlotLedger;
  readonly clock: Clock;
}

/**
 * The backends of one balancer. One writer: everything that discovery and health checks find out
 * goes through here, and what workers elect from is derived here.
 */
export class BackendTable {
  readonly #deps: BackendTableDeps;
  readonly #entries = new Map<string, BackendEntry>();
  #departed: readonly DepartedBackend[] = [];
  #departedTotals = zeroTotals;
  #isFirst = true;
  #panicBelowPercent = 0;
  #isPanic = false;
  #view = emptyPool;
  #version = 0;

  constructor(deps: BackendTableDeps) {
    this.#deps = deps;
  }

  /**
   * Takes over what a discovery found. A known target keeps its counters and its liveness and takes
   * the new attributes; a target listed twice counts once, with its last attributes; a target that
   * is no longer listed gets no new connection and leaves as soon as it has none.
   */
  deliver(backends: readonly DirectedBackend[], isNewLive: boolean): Delivery {
    const listed = new Map(
      backends.map((backend) => [backendName(backend.host, backend.port), backend]),
    );
    const wanted = new Map([...listed].slice(0, backendsPerBalancerMax));
    const before = new Set(this.#entries.keys());
    for (const entry of this.#entries.values()) {
      if (!wanted.has(entry.name)) this.#put({ ...entry, isDiscovered: false });
    }
    this.sweep();
    let leftOut = listed.size - wanted.size;
    for (const [name, backend] of wanted) {
      if (!this.#merge(name, backend, isNewLive)) leftOut += 1;
    }
    if (wanted.size > 0) this.#isFirst = false;
    return {
      added: [...this.#entries.keys()].filter((name) => !before.has(name)),
      removed: [...before].filter((name) => !this.#entries.has(name)),
      leftOut,
    };
  }

  /** False when nothing changed, or the backend is not known any more. */
  setLive(name: string, isLive: boolean): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.isLive === isLive) return false;
    this.#put({ ...entry, isLive, liveSinceMs: this.#deps.clock.monotonicMs() });
    return true;
  }

  /** Leaves a backend out, or takes it in again; false when nothing changed, or it is not known. */
  setEjected(name: string, isEjected: boolean): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.isEjected === isEjected) return false;
    this.#put({ ...entry, isEjected });
    return true;
  }

  /** All backends are used when a smaller share of them lives; 0 is never. */
  panicBelow(percent: number): void {
    if (this.#panicBelowPercent === percent) return;
    this.#panicBelowPercent = percent;
    this.#version += 1;
  }

  /** Whether the last view has backends that do not live, for want of better ones. */
  get isPanic(): boolean {
    return this.#isPanic;
  }

  /** Drops what is neither discovered nor in use, and rows that were told long enough. */
  sweep(): { readonly dropped: readonly string[] } {
    const leaving = [...this.#entries.values()].filter((entry) => !entry.isDiscovered);
    const dropped = leaving.filter((entry) => this.#drop(entry)).map((entry) => entry.name);
    const nowMs = this.#deps.clock.monotonicMs();
    this.#departed = this.#departed.filter((row) => row.untilMs > nowMs);
    return { dropped };
  }

  /** Live, discovered and enabled backends, as workers are told. The same object until something changes. */
  view(): PoolView {
    if (this.#view.version === this.#version) return this.#view;
    const usable = usableEntries(this.entries(), this.#panicBelowPercent);
    const entries = usable.entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.#isPanic = usable.isPanic;
    this.#view = { version: this.#version, candidates: entries.map(candidateOf) };
    return this.#view;
  }

  entry(name: string): BackendEntry | undefined {
    return this.#entries.get(name);
  }

  entries(): readonly BackendEntry[] {
    return [...this.#entries.values()];
  }

  departed(): readonly DepartedBackend[] {
    return this.#departed;
  }

  /** Sum over the backends that have left; with those of `entries` it never goes down. */
  departedTotals(): CounterTotals {
    return this.#departedTotals;
  }

  /** False when no slot was free. */
  #merge(name: string, backend: DirectedBackend, isNewLive: boolean): boolean {
    const known = this.#entries.get(name);
    if (known !== undefined) {
      const wasOffered = known.isDiscovered && isEnabled(known.backend);
      const liveSinceMs = wasOffered ? known.liveSinceMs : this.#newSinceMs();
      this.#put({ ...known, backend, isDiscovered: true, liveSinceMs });
      return true;
    }
    const slot = this.#deps.ledger.allocate();
    if (slot === undefined) return false;
    const liveSinceMs = this.#newSinceMs();
    this.#put({
      name,
      backend,
      slot,
      isLive: isNewLive,
      isEjected: false,
      isDiscovered: true,
      liveSinceMs,
    });
    return true;
  }

  /** Those that a balancer begins with have nobody to be compared with. */
  #newSinceMs(): number {
    return this.#isFirst ? Number.NEGATIVE_INFINITY : this.#deps.clock.monotonicMs();
  }

  /** False when the backend still has connections. */
  #drop(entry: BackendEntry): boolean {
    const outcome = this.#deps.ledger.retire(entry.slot);
    if (!outcome.retired) {
      this.#put({ ...entry, slot: outcome.slot });
      return false;
    }
    // Only now: whoever held a place may have counted up to the moment of giving it back.
    const totals = this.#deps.ledger.totals(entry.slot);
    const untilMs = this.#deps.clock.monotonicMs() + departedRowMs;
    this.#entries.delete(entry.name);
    this.#version += 1;
    this.#departedTotals = addedTotals(this.#departedTotals, totals);
    this.#departed = [...this.#departed, { name: entry.name, totals, untilMs }];
    return true;
  }

  #put(entry: BackendEntry): void {
    this.#entries.set(entry.name, entry);
    this.#version += 1;
  }
}

function candidateOf(entry: BackendEntry, place: number): Candidate {
  const { host, port, weight, priority, maxConnections, sni, alpn, proxyProtocol } = entry.backend;
  return {
    name: entry.name,
    host,
    port,
    weight,
    priority,
    maxConnections,
    sni,
    alpn,
    takesProxyHeader: proxyProtocol !== false,
    place,
    slot: entry.slot,
    liveSinceMs: entry.liveSinceMs,
  };
}
