import type { Clock, Timer } from "#shared/base/clock.ts";
import { drainPollMs } from "#shared/base/limits.ts";

import type { TouchedConnections } from "../apply/flows.ts";
import type { CloseHow } from "../engine/engine.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import type { ClosedListener } from "./shared-listeners.ts";
import type { BalancerPlace, ConnectionsOf, CutReason } from "./worker-protocol.ts";
import type { Workers } from "./workers.ts";

export interface BalancerConnectionsDeps {
  readonly clock: Clock;
  readonly ledger: SlotLedger;
  readonly workers: Workers;
}

/** What became of connections that shall end: they have time, or were cut at once. */
export type EndedConnections = Pick<TouchedConnections, "drained" | "cut">;

/** A balancer's open connections, over all workers: counted, and ended in time. */
export class BalancerConnections {
  readonly #deps: BalancerConnectionsDeps;
  readonly #place: BalancerPlace;
  readonly #timers = new Set<Timer>();
  #endAtMs = Number.POSITIVE_INFINITY;
  #cutInTheEnd = 0;
  /** Cuts whose answers are awaited: the shared counters tell of them sooner than the workers do. */
  #cutsUnderWay = 0;

  constructor(deps: BalancerConnectionsDeps, place: BalancerPlace) {
    this.#deps = deps;
    this.#place = place;
  }

  /** Clients that are connected. */
  get open(): number {
    return this.#deps.ledger.inUse(this.#place.slot);
  }

  /** Connections that a drain of all had to cut. */
  get cutInTheEnd(): number {
    return this.#cutInTheEnd;
  }

  /** Gives connections that came in by closed listeners so much time, in the background. */
  async endThoseOf(closed: readonly ClosedListener[], drainMs: number): Promise<EndedConnections> {
    const count = closed.reduce((sum, { connections }) => sum + connections, 0);
    if (count === 0) return { drained: 0, cut: 0 };
    const listeners = closed.map(({ listener }) => listener);
    if (drainMs > 0) {
      this.#after(drainMs, () => void this.#cut({ listeners }, "drained"));
      return { drained: count, cut: 0 };
    }
    await this.#cut({ listeners }, "removed");
    return { drained: 0, cut: count };
  }

  /** Resets connections that came in by listeners which should never have been open. */
  async abortThoseOf(closed: readonly ClosedListener[]): Promise<void> {
    const listeners = closed.map(({ listener }) => listener);
    if (listeners.length > 0) await this.#cut({ listeners }, "removed", "abort");
  }

  /** Resets connections to a backend, and returns how many; what is being dialled follows if reached. */
  cutThoseTo(backend: string): Promise<number> {
    return this.#cut({ listeners: "all", backend }, "backend-lost", "abort");
  }

  /** Ends what is left of a backend that was draining, and returns how many that are. */
  endThoseTo(backend: string): Promise<number> {
    return this.#cut({ listeners: "all", backend }, "drained");
  }

  /**
   * Gives all connections so much time, in the background, and calls `onIdle` once the last one has
   * closed. Called again it can shorten the time.
   */
  async endAll(drainMs: number, onIdle: () => void): Promise<EndedConnections> {
    this.stop();
    const count = this.open;
    this.#timers.add(
      this.#deps.clock.every(drainPollMs, () => {
        if (this.open === 0 && this.#cutsUnderWay === 0) onIdle();
      }),
    );
    const nowMs = this.#deps.clock.monotonicMs();
    this.#endAtMs = Math.min(this.#endAtMs, nowMs + drainMs);
    if (drainMs > 0) {
      this.#after(Math.max(0, this.#endAtMs - nowMs), () => void this.#cutAll("drained"));
      return { drained: count, cut: 0 };
    }
    await this.#cutAll("removed");
    return { drained: 0, cut: count };
  }

  /** Forgets what was planned; connections stay as they are. */
  stop(): void {
    for (const timer of this.#timers) timer.stop();
    this.#timers.clear();
  }

  async #cutAll(reason: CutReason): Promise<void> {
    this.#cutsUnderWay += 1;
    const cut = await this.#cut({ listeners: "all" }, reason).finally(
      () => (this.#cutsUnderWay -= 1),
    );
    this.#cutInTheEnd += cut;
  }

  /** Returns how many that were. */
  #cut(
    some: Omit<ConnectionsOf, "balancer">,
    reason: CutReason,
    how: CloseHow = "flush",
  ): Promise<number> {
    const which: ConnectionsOf = { balancer: this.#place.key, ...some };
    const cut = { do: "cut", which, how, reason } as const;
    return this.#deps.workers.askAll((request) => ({ ...cut, request }));
  }

  #after(delayMs: number, run: () => void): void {
    const timer = this.#deps.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
