import type { Clock } from "#shared/base/clock.ts";
import { skippedToldMs } from "#shared/base/limits.ts";

import type { FailedFetch, FetchedList, Skipped } from "./discovery.ts";
import type { NamedAnswer } from "./named-answer.ts";
import type { SourceEvent, SourceStatus } from "./source-status.ts";

/** What a source's record knows by itself. */
export type RecordedStatus = Omit<SourceStatus, "pointer" | "kind" | "isWatched" | "watchProblem">;

/** Keeps how the fetches of one source went, and tells what is worth telling. */
export class SourceRecord {
  readonly #clock: Clock;
  readonly #tell: (event: SourceEvent) => void;
  #status: RecordedStatus;
  #toldSkipped: Skipped | undefined;
  #toldSkippedMs = Number.NEGATIVE_INFINITY;
  #toldFailedMs = Number.NEGATIVE_INFINITY;

  /** `remembered`: what it named before, and still goes by. */
  constructor(
    clock: Clock,
    tell: (event: SourceEvent) => void,
    remembered: NamedAnswer | undefined,
  ) {
    this.#clock = clock;
    this.#tell = tell;
    this.#status = remembered === undefined ? unasked : goingBy(remembered);
  }

  get status(): RecordedStatus {
    return this.#status;
  }

  succeeded({ backends, skipped }: FetchedList, tookMs: number): void {
    const wasFailing = this.#status.state === "failing";
    this.#status = {
      ...this.#counted(tookMs),
      state: "fresh",
      backends: backends.length,
      skipped: skipped?.count ?? 0,
      lastSuccessMs: this.#clock.nowMs(),
      rememberedMs: null,
    };
    if (wasFailing) this.#tell({ kind: "discovery.recovered", backends: backends.length });
    this.#tellSkipped(skipped);
  }

  failed(failure: FailedFetch, tookMs: number): void {
    const { code, detail } = failure;
    const isTold = this.#isTold(failure);
    this.#status = {
      ...this.#counted(tookMs),
      state: "failing",
      lastFailure: { atMs: this.#clock.nowMs(), code, detail },
      failures: this.#status.failures + 1,
    };
    if (isTold) return;
    this.#toldFailedMs = this.#clock.monotonicMs();
    this.#tell({ kind: "discovery.failed", code, detail });
  }

  /** Whoever answers may announce all the time, so that asking again is no pause: it is told once. */
  #isTold({ code, isAnswered = false }: FailedFetch): boolean {
    const { state, lastFailure } = this.#status;
    const isSame = state === "failing" && lastFailure?.code === code;
    return isAnswered && isSame && this.#clock.monotonicMs() - this.#toldFailedMs < skippedToldMs;
  }

  #counted(tookMs: number): RecordedStatus {
    const { fetches } = this.#status;
    return { ...this.#status, fetches: fetches + 1, lastDurationMs: Math.round(tookMs) };
  }

  /** The same complaint at every interval would tell nothing, and another one each time is a flood. */
  #tellSkipped(skipped: Skipped | undefined): void {
    const told = this.#toldSkipped;
    if (skipped?.count === told?.count && skipped?.detail === told?.detail) return;
    const nowMs = this.#clock.monotonicMs();
    if (skipped !== undefined && nowMs - this.#toldSkippedMs < skippedToldMs) return;
    this.#toldSkipped = skipped;
    if (skipped === undefined) return;
    this.#toldSkippedMs = nowMs;
    this.#tell({ kind: "discovery.skipped", ...skipped });
  }
}

const unasked: RecordedStatus = {
  state: "waiting",
  backends: 0,
  skipped: 0,
  lastSuccessMs: null,
  rememberedMs: null,
  lastFailure: null,
  lastDurationMs: null,
  fetches: 0,
  failures: 0,
};

function goingBy({ backends, saidMs }: NamedAnswer): RecordedStatus {
  return {
    ...unasked,
    backends: backends.length,
    lastSuccessMs: saidMs,
    rememberedMs: saidMs,
  };
}
