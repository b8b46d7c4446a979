import type { Clock } from "#shared/base/clock.ts";
import { preferWaitPollMs, preferWaitPollMsMax } from "#shared/base/limits.ts";

/** A revision to wait for, and for how long. */
export interface ServingWait {
  readonly rev: number;
  readonly waitMs: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * `settled`: no connected node is on its way any more. `over`: the time is over, or nobody waits for
 * the answer any more.
 */
export type WatchEnd = "settled" | "over";

/** A wait that goes on. */
interface Waiting {
  readonly rev: number;
  readonly startMs: number;
  readonly end: (how: WatchEnd) => void;
  readonly fail: (error: unknown) => void;
}

/** A tenant as its watch knows it. */
export interface WatchedTenant {
  /** Which of the revisions some node is still on its way to. */
  readonly read: (revs: readonly number[]) => Promise<ReadonlySet<number>>;
  readonly onIdle: () => void;
}

/** The waits of one tenant: one look at a time for all of them. */
export class TenantWatch {
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

  async until({ rev, waitMs, signal }: ServingWait): Promise<WatchEnd> {
    const { promise, resolve, reject } = Promise.withResolvers<WatchEnd>();
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
    if (signal.aborted) over();
    else this.#enter(waiting);
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
