import { backoffMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { watchRetryFirstMs, watchRetryMsMax } from "#shared/base/limits.ts";

import { unexpectedEnd, type Announce, type Watch } from "./discovery.ts";

export interface WatchLoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly watch: Watch;
  /** The source is to be asked. */
  readonly lookAgain: () => void;
}

/** Keeps a source's stream of events open: when it ends it is opened again, after a growing wait. */
export class WatchLoop {
  readonly #deps: WatchLoopDeps;
  readonly #ended = new AbortController();
  #timer: Timer | undefined;
  #isStanding = false;
  #problem: string | null = null;
  #failures = 0;

  constructor(deps: WatchLoopDeps) {
    this.#deps = deps;
    void this.#watchOnce();
  }

  get isStanding(): boolean {
    return this.#isStanding;
  }

  /** Why the stream ended last; null while it stands. */
  get problem(): string | null {
    return this.#problem;
  }

  stop(): void {
    this.#timer?.stop();
    this.#ended.abort();
    this.#isStanding = false;
  }

  #stands(): void {
    this.#isStanding = true;
    this.#problem = null;
    this.#failures = 0;
  }

  async #watchOnce(): Promise<void> {
    const { clock, random, watch, lookAgain } = this.#deps;
    const { signal } = this.#ended;
    const announce: Announce = (what) => {
      if (signal.aborted) return;
      if (what === "standing") this.#stands();
      lookAgain();
    };
    const end = await watch(announce, signal).catch(unexpectedEnd);
    this.#isStanding = false;
    if (signal.aborted) return;
    this.#problem = `${end.code}: ${end.detail}`;
    const bounds = { firstMs: watchRetryFirstMs, maxMs: watchRetryMsMax };
    this.#timer = clock.after(backoffMs(this.#failures, bounds, random), () => {
      void this.#watchOnce();
    });
    this.#failures += 1;
  }
}
