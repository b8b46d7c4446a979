import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { reportRetryMs, statisticsMs } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";
import type { Report } from "#shared/measures/report.ts";

import { createIntervalSampler } from "./interval-sampler.ts";
import { ReportQueue, type Mark, type QueuedReports } from "./report-queue.ts";

/** Where a reporter's counting stands: its reports, and the totals that they are made of. */
export interface Counting {
  readonly queued: QueuedReports;
  readonly counted: readonly TotalsRow[];
}

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
  /**
   * A new link stands. Where the counting starts over, everything that is there is named: what the
   * first reports of a boot leave out counts as gone, also what was only quiet.
   */
  linked(mark: Mark, intervalMs: number): void;
  marked(mark: Mark): void;
  /** Reports what happened up to now, as far as the link takes it; the rest is offered again. */
  flush(): void;
  /** Reports that have not left. */
  unsent(): number;
  /** Reports that are not confirmed. */
  unconfirmed(): number;
  /** Ends the counting here and says where it stands: another process goes on with it. */
  handOver(): Counting;
  /**
   * Goes on with another process's counting, before the first link stands. From now on `totals`
   * includes what that one counted; intervals made so far are forgotten, and read again.
   */
  succeed(counting: Counting): void;
}

/**
 * The first moment is random, so that nodes that started together do not report together. However
 * rarely reports are wanted, counters are read often: rows of what is gone are not there for long.
 */
export function createReporter(deps: ReporterDeps): Reporter {
  const { clock } = deps;
  let queue = new ReportQueue(deps.newBootId);
  let sampler = createIntervalSampler(clock, deps.totals);
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
  const rearm = (everyMs: number): void => {
    intervalMs = everyMs;
    arm();
  };
  const stop = (): void => {
    sampling?.stop();
    retrying?.stop();
  };

  arm();
  return {
    name: "reporter",
    bootId: () => queue.bootId,
    linked: (mark, everyMs) => {
      if (queue.linked(mark) === "started-over") queue.add(sampler.takeAll());
      if (everyMs !== intervalMs) rearm(everyMs);
      pump();
    },
    marked: (mark) => {
      queue.marked(mark, clock.monotonicMs());
      pump();
    },
    flush: makeAndPump,
    unsent: () => queue.unsent,
    unconfirmed: () => queue.size,
    handOver: () => {
      stop();
      queue.add(sampler.take());
      return { queued: queue.queued(), counted: sampler.counted() };
    },
    succeed: ({ queued, counted }) => {
      queue = new ReportQueue(deps.newBootId, queued);
      sampler = createIntervalSampler(clock, deps.totals, counted);
      arm();
    },
    stop,
  };
}
