import { jitteredMs, spacedBackoffMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import {
  fetchJitterShare,
  fetchRetryMs,
  fetchRetryMsMax,
  lookAgainMs,
  unsettledSourceMs,
} from "#shared/base/limits.ts";
import type { Backend } from "#shared/definition/backend.ts";

import { boundedFetch } from "./bounded-fetch.ts";
import type { DiscoverySource, FailedFetch, Fetched, FetchedList } from "./discovery.ts";
import type { FetchLine } from "./fetch-room.ts";
import type { NamedAnswer } from "./named-answer.ts";
import { ShrinkGuard, type ShrinkMemory, type ShrinkTerms } from "./shrink-guard.ts";
import { SourceRecord } from "./source-record.ts";
import type { SourceEvent, SourceStatus } from "./source-status.ts";
import { WatchLoop } from "./watch-loop.ts";

export interface DiscoveryLoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly source: DiscoverySource;
  /** Where it waits for room; its fetches begin at once unless given. */
  readonly line?: FetchLine | undefined;
}

export interface DiscoveryLoopOptions {
  /** Pause after each delivery; 0 fetches until the first success and never again. */
  readonly intervalMs: number;
  /** Bound of one fetch; 0 is the longest there is. */
  readonly timeoutMs: number;
  /** After a failure: keep the last backends, or have none. */
  readonly failPolicy: "keeplast" | "setempty";
  readonly shrink?: ShrinkTerms;
  /** What is known of the source from before; nothing unless given. */
  readonly before?: SourceBefore | undefined;
  /** A whole list, after every success, and an empty one after a failure under `setempty`. */
  readonly onBackends: (backends: readonly Backend[]) => void;
  readonly onEvent: (event: SourceEvent) => void;
}

/** What one loop leaves to the next one that asks the same source. */
export interface SourceBefore {
  /** What it goes by until it has answered; undefined: nothing that counts as its answer. */
  readonly answer: NamedAnswer | undefined;
  readonly shrunk: ShrinkMemory;
}

/**
 * Asks one source again and again: at once, then at every interval after a delivery, and soon after
 * the source announced a change. After a failure it tries again `fetchRetryMs` later, after further
 * ones ever later, up to `fetchRetryMsMax`; an announcement makes that faster only for a source that
 * did answer.
 */
export class DiscoveryLoop {
  readonly #deps: DiscoveryLoopDeps;
  readonly #options: DiscoveryLoopOptions;
  readonly #record: SourceRecord;
  readonly #guard: ShrinkGuard;
  readonly #watch: WatchLoop | undefined;
  readonly #ended = new AbortController();
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #startedMs = 0;
  #isFetching = false;
  #isAnnounced = false;
  #failures = 0;
  /** At least so long after a fetch began comes the next one, whatever is announced. */
  #gapMs = lookAgainMs;

  constructor(deps: DiscoveryLoopDeps, options: DiscoveryLoopOptions) {
    this.#deps = deps;
    this.#options = options;
    const { answer, shrunk = unshrunk } = options.before ?? {};
    this.#record = new SourceRecord(deps.clock, options.onEvent, answer);
    this.#guard = new ShrinkGuard(options.shrink, shrunk);
    void this.#fetchOnce();
    const { watch } = deps.source;
    if (watch === undefined || options.intervalMs === 0) return;
    this.#watch = new WatchLoop({ ...deps, watch, lookAgain: () => this.#lookAgain() });
  }

  status(): Omit<SourceStatus, "pointer" | "kind"> {
    const watch = this.#watch;
    const isWatched = watch?.isStanding ?? null;
    return { ...this.#record.status, isWatched, watchProblem: watch?.problem ?? null };
  }

  /** How the shrink guard stands, for a loop that takes this one's place. */
  get shrunk(): ShrinkMemory {
    return this.#guard.memory;
  }

  /** Ends the fetch that is under way; nothing is delivered afterwards. */
  stop(): void {
    this.#timer?.stop();
    this.#watch?.stop();
    this.#ended.abort();
  }

  async #fetchOnce(): Promise<void> {
    const { clock, source, line } = this.#deps;
    const { timeoutMs } = this.#options;
    this.#isFetching = true;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const ended = this.#ended.signal;
    const leave = await line?.enter(ended);
    if (ended.aborted) return leave?.();
    // What was announced while it waited is what it will find.
    this.#isAnnounced = false;
    this.#startedMs = clock.monotonicMs();
    const fetched = await boundedFetch(clock, source.fetch, { timeoutMs, ended });
    leave?.();
    this.#isFetching = false;
    if (!ended.aborted) this.#settle(fetched);
  }

  #settle(fetched: Fetched): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const tookMs = nowMs - this.#startedMs;
    if (!fetched.ok) return this.#fail(fetched, tookMs);
    this.#failures = 0;
    this.#gapMs = lookAgainMs;
    const refused = this.#guard.refuses(fetched.backends.length, nowMs);
    if (refused !== undefined) this.#record.failed(refused, tookMs);
    else {
      this.#record.succeeded(fetched, tookMs);
      this.#options.onBackends(fetched.backends);
    }
    this.#again(fetched);
  }

  #fail(failure: FailedFetch, tookMs: number): void {
    this.#record.failed(failure, tookMs);
    if (this.#options.failPolicy === "setempty") this.#options.onBackends([]);
    const { isAnswered = false, isUnsettled = false } = failure;
    const firstMs = isUnsettled ? unsettledSourceMs : fetchRetryMs;
    const bounds = { firstMs, maxMs: fetchRetryMsMax };
    this.#gapMs = isAnswered ? lookAgainMs : fetchRetryMs;
    this.#failures += 1;
    this.#fetchIn(spacedBackoffMs(this.#failures - 1, bounds, this.#deps.random));
    if (isAnswered && this.#isAnnounced) this.#lookAgain();
  }

  #again({ againMs, isUnsettled = false }: FetchedList): void {
    const { intervalMs } = this.#options;
    if (intervalMs === 0) return;
    const pauseMs = againMs ?? (isUnsettled ? Math.min(intervalMs, unsettledSourceMs) : intervalMs);
    this.#fetchIn(jitteredMs(pauseMs, fetchJitterShare, this.#deps.random));
    if (this.#isAnnounced) this.#lookAgain();
  }

  /** Soon, but no sooner than `lookAgainMs` after the last fetch: a flood is one fetch. */
  #lookAgain(): void {
    this.#isAnnounced = true;
    if (this.#isFetching) return;
    const waitMs = Math.max(0, this.#startedMs + this.#gapMs - this.#deps.clock.monotonicMs());
    if (this.#deps.clock.monotonicMs() + waitMs < this.#dueMs) this.#fetchIn(waitMs);
  }

  #fetchIn(delayMs: number): void {
    this.#timer?.stop();
    this.#dueMs = this.#deps.clock.monotonicMs() + delayMs;
    this.#timer = this.#deps.clock.after(delayMs, () => void this.#fetchOnce());
  }
}

const unshrunk: ShrinkMemory = { count: undefined, shrunkSinceMs: undefined };
