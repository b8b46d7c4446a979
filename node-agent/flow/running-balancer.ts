import type { Timer } from "#shared/base/clock.ts";
import { durationMs } from "#shared/base/duration.ts";
import { drainPollMs, listenRetryMs } from "#shared/base/limits.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import type { FlowOutcome, TouchedConnections, VerifiedBalancer } from "../apply/flows.ts";
import type { CloseReason, ListenerId } from "../engine/engine.ts";
import type { SlotRef } from "../pool/pool-view.ts";
import { RateMeter } from "../stats/rate-meter.ts";
import {
  BalancerListeners,
  type BalancerListenersDeps,
  type ClosedListener,
} from "./balancer-listeners.ts";
import { BalancerPool, type BalancerPoolDeps } from "./balancer-pool.ts";
import {
  backendStatuses,
  balancerRows,
  measuredTotals,
  ownRow,
  readNumbers,
  type BalancerNumbers,
} from "./balancer-rows.ts";
import type { BalancerStatus } from "./balancer-status.ts";
import { balancerTerms } from "./balancer-terms.ts";
import type { BalancerKey, Command, ConnectionsOf } from "./worker-protocol.ts";

export interface RunningBalancerDeps
  extends Omit<BalancerPoolDeps, "balancer" | "onView">, Omit<BalancerListenersDeps, "balancer"> {
  /** Nothing of it is left: no listener, no connection, no slot. */
  readonly onGone: (gone: GoneBalancer) => void;
}

/** What a balancer that has ended leaves behind. */
export interface GoneBalancer {
  readonly id: string;
  readonly key: BalancerKey;
  readonly rows: readonly TotalsRow[];
  /** Connections that were cut because their time was up. */
  readonly cut: number;
  /** False when it never came to serve. */
  readonly wasServing: boolean;
}

/** What a balancer is given for its life. */
export interface BalancerPlace {
  readonly key: BalancerKey;
  readonly slot: SlotRef;
}

/** One balancer on the main thread: where it listens, whom it knows, and how it ends. */
export class RunningBalancer {
  readonly id: string;
  readonly place: BalancerPlace;
  readonly #deps: RunningBalancerDeps;
  readonly #listeners: BalancerListeners;
  readonly #pool: BalancerPool;
  readonly #meter = new RateMeter();
  readonly #timers = new Set<Timer>();
  #definition: Balancer;
  #phase: "serving" | "draining" | "gone" = "serving";
  #drainedAtMs = Number.POSITIVE_INFINITY;
  #cut = 0;
  #wasServing = false;

  constructor(deps: RunningBalancerDeps, place: BalancerPlace, balancer: VerifiedBalancer) {
    const { key } = place;
    this.id = balancer.id;
    this.place = place;
    this.#deps = deps;
    this.#definition = balancer.definition;
    this.#listeners = new BalancerListeners({ ...deps, balancer: key });
    this.#pool = new BalancerPool(
      {
        ...deps,
        balancer: balancer.id,
        onView: (pool) => deps.workers.broadcast({ do: "swap-pool", balancer: key, pool }),
      },
      balancer.definition,
    );
  }

  /** Binds and serves. On failure nothing of it is left. */
  async start(): Promise<FlowOutcome> {
    try {
      await this.#pool.start();
      await this.#serveEverywhere();
      const change = await this.#listeners.change(this.#definition.bind);
      if (!change.ok) return change;
      this.#wasServing = true;
      return { ok: true, connections: untouched };
    } finally {
      if (!this.#wasServing) this.#end();
    }
  }

  /** Takes over another definition; on failure it runs on unchanged. */
  async update({ definition }: VerifiedBalancer): Promise<FlowOutcome> {
    const change = await this.#listeners.change(definition.bind);
    if (!change.ok) return change;
    this.#definition = definition;
    await this.#pool.change(definition);
    await this.#serveEverywhere();
    const left = await this.#drainListeners(change.closed);
    const kept = Math.max(0, this.#open() - left.drained - left.cut);
    return { ok: true, connections: { ...left, kept } };
  }

  /**
   * Stops listening, fetching and checking. Connections that are open get `drainTimeoutMs`, in the
   * background; `onGone` tells when the last one has closed. Called again, it can shorten the time.
   */
  async remove(drainTimeoutMs: number): Promise<TouchedConnections> {
    this.#phase = "draining";
    this.#pool.stop();
    this.#stopTimers();
    await this.#listeners.change([]);
    const open = this.#open();
    if (open === 0) {
      this.#end();
      return untouched;
    }
    this.#every(drainPollMs, () => this.#endWhenIdle());
    const nowMs = this.#deps.clock.monotonicMs();
    this.#drainedAtMs = Math.min(this.#drainedAtMs, nowMs + drainTimeoutMs);
    const leftMs = Math.max(0, this.#drainedAtMs - nowMs);
    if (drainTimeoutMs > 0) {
      this.#after(leftMs, () => void this.#cutAll("drained"));
      return { kept: 0, drained: open, cut: 0 };
    }
    await this.#cutAll("removed");
    return { kept: 0, drained: 0, cut: open };
  }

  /** Ends without asking the workers, which are no more: gives its addresses back. */
  abandon(): void {
    this.#phase = "gone";
    this.#pool.stop();
    this.#stopTimers();
    this.#listeners.abandon();
  }

  /** Tells a worker that replaces another one everything, and listens there. */
  async restore(worker: number): Promise<void> {
    if (this.#phase !== "serving") return;
    this.#deps.workers.post(worker, this.#served());
    const problems = await this.#listeners.restore(worker);
    for (const { code, detail } of problems) {
      this.#deps.tell({ kind: "listener.lost", balancer: this.id, code, detail });
    }
    if (problems.length > 0) this.#after(listenRetryMs, () => void this.restore(worker));
  }

  /** Drops backends that have left. To be called now and then. */
  sweep(): void {
    if (this.#phase === "serving") this.#pool.sweep();
  }

  /** Takes a reading for the rates. */
  measure(): void {
    this.#meter.look(measuredTotals(readNumbers(this.#numbers())), this.#deps.clock.monotonicMs());
  }

  rows(): readonly TotalsRow[] {
    return balancerRows(this.#numbers());
  }

  status(): BalancerStatus {
    const { ledger } = this.#deps;
    const meter = this.#meter;
    const reading = readNumbers(this.#numbers());
    return {
      id: this.id,
      name: this.#definition.name,
      phase: this.#phase === "serving" ? "serving" : "draining",
      binds: this.#listeners.binds,
      openConnections: this.#open(),
      totals: reading.own,
      rates: meter.ratesOf(ownRow),
      backends: backendStatuses(reading, { ledger, meter }),
    };
  }

  #served(): Extract<Command, { do: "serve" }> {
    const terms = balancerTerms(this.#definition, this.place);
    return { do: "serve", request: unasked, terms, pool: this.#pool.table.view() };
  }

  /** Resolves when the next client of any worker is served in the new way. */
  async #serveEverywhere(): Promise<void> {
    const served = this.#served();
    await this.#deps.workers.askAll((request) => ({ ...served, request }));
  }

  /** Connections of a bind that is gone have as long as those of a balancer that is. */
  async #drainListeners(
    closed: readonly ClosedListener[],
  ): Promise<Pick<TouchedConnections, "drained" | "cut">> {
    const count = closed.reduce((sum, { connections }) => sum + connections, 0);
    if (count === 0) return { drained: 0, cut: 0 };
    const listeners: readonly ListenerId[] = closed.map(({ listener }) => listener);
    const drainMs = durationMs(this.#definition.drainTimeout);
    if (drainMs > 0) {
      this.#after(drainMs, () => void this.#cutSome(listeners, "drained"));
      return { drained: count, cut: 0 };
    }
    await this.#cutSome(listeners, "removed");
    return { drained: 0, cut: count };
  }

  async #cutAll(reason: CloseReason): Promise<void> {
    this.#cut += await this.#cutSome("all", reason);
  }

  /** Returns how many that were. */
  #cutSome(listeners: ConnectionsOf["listeners"], reason: CloseReason): Promise<number> {
    const which: ConnectionsOf = { balancer: this.place.key, listeners };
    const cut = { do: "cut", which, how: "flush", reason } as const;
    return this.#deps.workers.askAll((request) => ({ ...cut, request }));
  }

  #endWhenIdle(): void {
    if (this.#open() === 0) this.#end();
  }

  #end(): void {
    this.#phase = "gone";
    this.#pool.stop();
    this.#stopTimers();
    const { workers, ledger, onGone } = this.#deps;
    const { key, slot } = this.place;
    workers.broadcast({ do: "forget", balancer: key });
    const rows = this.rows();
    this.#pool.table.deliver([], false);
    ledger.retire(slot);
    onGone({ id: this.id, key, rows, cut: this.#cut, wasServing: this.#wasServing });
  }

  #open(): number {
    return this.#deps.ledger.inUse(this.place.slot);
  }

  #numbers(): BalancerNumbers {
    const { ledger } = this.#deps;
    return { id: this.id, slot: this.place.slot, ledger, table: this.#pool.table };
  }

  #after(delayMs: number, run: () => void): void {
    const timer = this.#deps.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  #every(intervalMs: number, run: () => void): void {
    this.#timers.add(this.#deps.clock.every(intervalMs, run));
  }

  #stopTimers(): void {
    for (const timer of this.#timers) timer.stop();
    this.#timers.clear();
  }
}

/** The number of a request whose answer nobody waits for. */
const unasked = 0;

const untouched: TouchedConnections = { kept: 0, drained: 0, cut: 0 };
