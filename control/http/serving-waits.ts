import type { Clock } from "#shared/base/clock.ts";
import type { TenantId } from "#shared/base/ids.ts";
import {
  preferWaitPollMs,
  preferWaitPollMsMax,
  preferWaitReadsAtOnceMax,
  preferWaitsMax,
  preferWaitsPerTenantMax,
} from "#shared/base/limits.ts";

import { Turns } from "../turns.ts";
import { readReceipt } from "../view/read-receipt.ts";
import { readUnsettled } from "../view/read-unsettled.ts";
import type { ReceiptView } from "../view/receipt-view.ts";
import type { ViewDeps } from "../view/view-deps.ts";

/** A revision to wait for, and for how long. */
export interface ServingWait {
  readonly tenantId: TenantId;
  readonly rev: number;
  readonly waitMs: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * How a wait ended: no connected node is on its way any more, the time is over (or the client is
 * gone), or it never began because the tenant, or all tenants together, wait for as much already.
 */
export type WaitEnd = "settled" | "over" | "tenant-full" | "full";

/** A wait that goes on. */
interface Waiting {
  readonly rev: number;
  readonly startMs: number;
  readonly end: (how: "settled" | "over") => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Waits until connected nodes serve revisions, or have refused them. However many wait, one tenant's
 * waits are one statement at a time, and all of them together few: others' calls find the database
 * free. Nodes that are away are not waited for.
 */
export class ServingWaits {
  readonly #deps: ViewDeps;
  readonly #watches = new Map<TenantId, TenantWatch>();
  readonly #turns = new Turns(preferWaitReadsAtOnceMax);
  #count = 0;

  constructor(deps: ViewDeps) {
    this.#deps = deps;
  }

  /** The revision's receipt as it is now. Reads take turns too: many waits may end at one moment. */
  receipt(tenantId: TenantId, rev: number): Promise<ReceiptView | undefined> {
    return this.#turns.run(() => readReceipt(this.#deps, tenantId, rev));
  }

  /** @throws Fault as storage does */
  async until(wait: ServingWait): Promise<WaitEnd> {
    if (this.#count >= preferWaitsMax) return "full";
    const watch = this.#watchOf(wait.tenantId);
    if (watch.size >= preferWaitsPerTenantMax) return "tenant-full";
    this.#count += 1;
    try {
      return await watch.until(wait);
    } finally {
      this.#count -= 1;
    }
  }

  #watchOf(tenantId: TenantId): TenantWatch {
    const known = this.#watches.get(tenantId);
    if (known !== undefined) return known;
    const watch = new TenantWatch(this.#deps.clock, {
      read: (revs) => this.#turns.run(() => readUnsettled(this.#deps, tenantId, revs)),
      onIdle: () => this.#watches.delete(tenantId),
    });
    this.#watches.set(tenantId, watch);
    return watch;
  }
}

interface WatchedTenant {
  /** Which of the revisions some node is still on its way to. */
  readonly read: (revs: readonly number[]) => Promise<ReadonlySet<number>>;
  readonly onIdle: () => void;
}

/** The waits of one tenant. */
class TenantWatch {
  readonly #clock: Clock;
  readonly #tenant: WatchedTenant;
  readonly #waits = new Set<Waiting>();
  #running = false;
  /** A wait came that no look has seen. */
  #isNew = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, tenant: WatchedTenant) {
    this.#clock = clock;
    this.#tenant = tenant;
  }

  get size(): number {
    return this.#waits.size;
  }

  async until({ rev, waitMs, signal }: ServingWait): Promise<"settled" | "over"> {
    const { promise, resolve, reject } = Promise.withResolvers<"settled" | "over">();
    const waiting: Waiting = {
      rev,
      startMs: this.#clock.monotonicMs(),
      end: (how) => {
        this.#leave(waiting);
        resolve(how);
      },
      fail: (error) => {
        this.#leave(waiting);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    };
    const over = (): void => waiting.end("over");
    const timer = this.#clock.after(waitMs, over);
    signal.addEventListener("abort", over, { once: true });
    this.#enter(waiting);
    try {
      return await promise;
    } finally {
      timer.stop();
      signal.removeEventListener("abort", over);
    }
  }

  #enter(waiting: Waiting): void {
    this.#waits.add(waiting);
    this.#isNew = true;
    this.#wake?.();
    if (this.#running) return;
    this.#running = true;
    void this.#watch();
  }

  #leave(waiting: Waiting): void {
    this.#waits.delete(waiting);
    if (this.#waits.size === 0) this.#wake?.();
  }

  async #watch(): Promise<void> {
    while (this.#waits.size > 0) {
      const startMs = this.#clock.monotonicMs();
      // oxlint-disable-next-line no-await-in-loop -- the next look depends on this one
      await this.#look();
      const tookMs = this.#clock.monotonicMs() - startMs;
      // oxlint-disable-next-line no-await-in-loop -- a tenant with much to look at leaves room for others
      await this.#pause(restShare * tookMs, () => this.#waits.size === 0);
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      await this.#pause(this.#pauseMs(), () => this.#waits.size === 0 || this.#isNew);
    }
    this.#running = false;
    this.#tenant.onIdle();
  }

  async #look(): Promise<void> {
    const waits = [...this.#waits];
    this.#isNew = false;
    try {
      const unsettled = await this.#tenant.read([...new Set(waits.map(({ rev }) => rev))]);
      for (const { rev, end } of waits) if (!unsettled.has(rev)) end("settled");
    } catch (error) {
      for (const { fail } of waits) fail(error);
    }
  }

  /** As long as the youngest wait lasts already: what is fast is seen fast. */
  #pauseMs(): number {
    const youngestMs = Math.max(...[...this.#waits].map(({ startMs }) => startMs));
    const ageMs = this.#clock.monotonicMs() - youngestMs;
    return Math.min(preferWaitPollMsMax, Math.max(preferWaitPollMs, ageMs));
  }

  /** Ends early when `isOver` holds, now or once something is woken for. */
  #pause(ms: number, isOver: () => boolean): Promise<void> {
    if (ms <= 0 || isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.stop();
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.after(ms, done);
      this.#wake = () => {
        if (isOver()) done();
      };
    });
  }
}

/** After a look a tenant rests so many times as long as it took. */
const restShare = 4;
