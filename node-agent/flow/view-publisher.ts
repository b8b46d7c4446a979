import type { Clock, Timer } from "#shared/base/clock.ts";
import { poolGapMs } from "#shared/base/limits.ts";

import type { BackendTable } from "../pool/backend-table.ts";
import { lostBackends } from "../pool/lost-backends.ts";
import type { PoolView } from "../pool/pool-view.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import { BackendDrains } from "./backend-drains.ts";

export interface ViewPublisherDeps {
  readonly clock: Clock;
  readonly ledger: SlotLedger;
  readonly table: BackendTable;
  /** Whether connections to a backend that is not used any more shall be cut. */
  readonly cutsLost: () => boolean;
  /** Panic has begun or ended; told before the view that shows it. */
  readonly onPanicChanged: () => void;
  /** There is another view for workers to elect from. */
  readonly onView: (view: PoolView) => void;
  /** A backend whose connections shall be cut; told after a view without it, and maybe again. */
  readonly onLost: (backend: string) => void;
  /** A backend that was draining has no time left. */
  readonly onDrained: (backend: string) => void;
}

/**
 * Tells of the backends in the table: a view whenever it has changed, not more often than
 * `poolGapMs`, then whose connections end because of it.
 */
export class ViewPublisher {
  readonly #deps: ViewPublisherDeps;
  readonly #drains: BackendDrains;
  #published: PoolView;
  #publishing: Timer | undefined;
  #publishedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: ViewPublisherDeps) {
    this.#deps = deps;
    this.#drains = new BackendDrains({ clock: deps.clock, onDue: deps.onDrained });
    this.#published = deps.table.view();
  }

  /** At once, unless a view went out less than `poolGapMs` ago: a wave of flips is one view. */
  soon(): void {
    if (this.#publishing !== undefined) return;
    const { clock } = this.#deps;
    const waitMs = this.#publishedMs + poolGapMs - clock.monotonicMs();
    if (waitMs <= 0) this.now();
    else this.#publishing = clock.after(waitMs, () => this.now());
  }

  now(): void {
    this.#publishing?.stop();
    this.#publishing = undefined;
    const { table } = this.#deps;
    const wasPanic = table.isPanic;
    const view = table.view();
    if (view !== this.#published) this.#publish(view, wasPanic);
    this.#cutLost(view);
    this.#followDrains();
  }

  /** No view that waits goes out any more, and no drain ends. */
  stop(): void {
    this.#drains.stop();
    this.#publishing?.stop();
  }

  #publish(view: PoolView, wasPanic: boolean): void {
    const { clock, table, onPanicChanged, onView } = this.#deps;
    if (table.isPanic !== wasPanic) onPanicChanged();
    this.#published = view;
    this.#publishedMs = clock.monotonicMs();
    onView(view);
  }

  #cutLost(view: PoolView): void {
    const { ledger, table, cutsLost, onLost } = this.#deps;
    const busy = table.entries().filter(({ slot }) => ledger.inUse(slot) > 0);
    for (const backend of lostBackends(busy, view, { cutsLost: cutsLost() })) onLost(backend);
  }

  #followDrains(): void {
    const draining = this.#deps.table
      .entries()
      .flatMap(({ name, backend: { drainMs } }) =>
        drainMs === undefined ? [] : [[name, drainMs] as const],
      );
    this.#drains.follow(new Map(draining));
  }
}
