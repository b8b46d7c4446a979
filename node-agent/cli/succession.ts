import type { Clock } from "#shared/base/clock.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import type { RestartsView } from "../admin/status.ts";
import type { Estate } from "../handover/messages.ts";
import { PredecessorTotals } from "../stats/predecessor-totals.ts";

/** Where this agent stands in the row of those that have handed over to one another. */
export class Succession {
  /** Agents before this one. */
  readonly handovers: number;
  readonly #clock: Clock;
  readonly #totals = new PredecessorTotals();
  /** While it drains. */
  #predecessor: number | undefined;
  #failed = 0;
  #lastFailure: string | null = null;

  constructor(clock: Clock, estate: Estate | undefined) {
    this.#clock = clock;
    this.handovers = estate?.handovers ?? 0;
    this.#predecessor = estate?.pid;
  }

  /** Whether the agent before this one is still there. */
  get hasPredecessor(): boolean {
    return this.#predecessor !== undefined;
  }

  /** Clients that it still serves. */
  get predecessorConnections(): number {
    return this.#totals.openConnections;
  }

  /** Its counters as they stand. */
  predecessorTold(rows: readonly TotalsRow[]): void {
    this.#totals.told(rows);
  }

  predecessorEnded(): void {
    this.#predecessor = undefined;
    this.#totals.ended(this.#clock.monotonicMs());
  }

  restartFailed(why: string): void {
    this.#failed += 1;
    this.#lastFailure = why;
  }

  /** An agent's own counters, with those of its predecessor. */
  withPredecessor(own: readonly TotalsRow[]): readonly TotalsRow[] {
    return this.#totals.mergedWith(own, this.#clock.monotonicMs());
  }

  view(): RestartsView {
    const pid = this.#predecessor;
    return {
      handovers: this.handovers,
      predecessor: pid === undefined ? null : { pid, connections: this.predecessorConnections },
      failed: this.#failed,
      lastFailure: this.#lastFailure,
    };
  }
}
