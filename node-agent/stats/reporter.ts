import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { reportRetryMs, statisticsMs } from "#shared/base/limits.ts";
import { intervalRows, type TotalsRow } from "#shared/measures/interval.ts";
import type { Report } from "#shared/measures/report.ts";

import { ReportQueue, type Mark } from "./report-queue.ts";

export interface ReporterDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly newBootId: () => string;
  /** Counters as they stand; those of what is gone must still be there once. */
  readonly totals: () => readonly TotalsRow[];
  /** Whether the report has left. */
  readonly send: (report: Report) => boolean;
}

/** Turns counters into reports, and keeps each until it is confirmed. */
export interface Reporter extends Stoppable {
  bootId(): string;
  linked(mark: Mark, intervalMs: number): void;
  marked(mark: Mark): void;
  /** Reports what happened up to now, as far as the link takes it. */
  flush(): void;
}

export function createReporter(deps: ReporterDeps): Reporter {
  const { clock } = deps;
  const queue = new ReportQueue(deps.newBootId);
  let before: readonly TotalsRow[] = [];
  let beforeMs = clock.nowMs();
  let intervalMs = statisticsMs;
  let sampling: Timer | undefined;
  let retrying: Timer | undefined;

  const sample = (): void => {
    const after = deps.totals();
    // The wall clock may be set back; an interval must not end before it begins.
    const nowMs = Math.max(beforeMs, clock.nowMs());
    const rows = intervalRows(before, after);
    queue.add({ fromMs: Math.round(beforeMs), toMs: Math.round(nowMs), rows });
    [before, beforeMs] = [after, nowMs];
  };
  const pump = (): void => {
    retrying?.stop();
    for (let report = queue.next(); report !== undefined; report = queue.next()) {
      if (!deps.send(report)) break;
      queue.sent(report, clock.monotonicMs());
    }
    if (queue.size > 0) retrying = clock.after(reportRetryMs, pump);
  };
  const sampleAndPump = (): void => {
    sample();
    pump();
  };
  /** The first moment is random, so that nodes that started together do not report together. */
  const arm = (): void => {
    sampling?.stop();
    sampling = clock.after(deps.random() * intervalMs, () => {
      sampleAndPump();
      sampling = clock.every(intervalMs, sampleAndPump);
    });
  };

  arm();
  return {
    name: "reporter",
    bootId: () => queue.bootId,
    linked: (mark, everyMs) => {
      queue.linked(mark);
      if (everyMs !== intervalMs) {
        intervalMs = everyMs;
        arm();
      }
      pump();
    },
    marked: (mark) => {
      queue.marked(mark, clock.monotonicMs());
      pump();
    },
    flush: sampleAndPump,
    stop: () => {
      sampling?.stop();
      retrying?.stop();
    },
  };
}
