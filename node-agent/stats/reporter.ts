import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { reportRetryMs, statisticsMs } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";
import type { Report } from "#shared/measures/report.ts";

import { createIntervalSampler } from "./interval-sampler.ts";
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
  /** Reports what happened up to now, as far as the link takes it; the rest is offered again. */
  flush(): void;
  /** Reports that have not left. */
  unsent(): number;
}

export function createReporter(deps: ReporterDeps): Reporter {
  const { clock } = deps;
  const queue = new ReportQueue(deps.newBootId);
  const sampler = createIntervalSampler(clock, deps.totals);
  let madeMs = clock.monotonicMs();
  let intervalMs = statisticsMs;
  let sampling: Timer | undefined;
  let retrying: Timer | undefined;

  const pump = (): void => {
    retrying?.stop();
    for (let report = queue.next(); report !== undefined; report = queue.next()) {
      if (!deps.send(report)) break;
      queue.sent(report, clock.monotonicMs());
    }
    if (queue.size > 0) retrying = clock.after(reportRetryMs, pump);
  };
  const makeAndPump = (): void => {
    queue.add(sampler.take());
    madeMs = clock.monotonicMs();
    pump();
  };
  /**
   * The first moment is random, so that nodes that started together do not report together. However
   * rarely reports are wanted, counters are read often: rows of what is gone are not there for long.
   */
  const arm = (): void => {
    sampling?.stop();
    sampling = clock.after(deps.random() * intervalMs, () => {
      makeAndPump();
      sampling = clock.every(Math.min(intervalMs, statisticsMs), () => {
        if (clock.monotonicMs() - madeMs >= intervalMs) makeAndPump();
        else sampler.sample();
      });
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
    flush: makeAndPump,
    unsent: () => queue.unsent,
    stop: () => {
      sampling?.stop();
      retrying?.stop();
    },
  };
}
