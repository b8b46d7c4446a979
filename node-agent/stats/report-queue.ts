import {
  reportAnswerMsMax,
  reportRowsKeptMax,
  reportRowsMax,
  reportsInFlightMax,
  reportsKeptMax,
} from "#shared/base/limits.ts";
import { mergedRows } from "#shared/measures/interval.ts";
import {
  counterColumns,
  gaugeColumns,
  type Report,
  type ReportRow,
} from "#shared/measures/report.ts";

/** What happened between two moments, not yet numbered. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rows: readonly ReportRow[];
}

/** How far the control plane has taken a boot's reports. */
export interface Mark {
  readonly bootId: string;
  readonly seq: number;
}

interface Waiting extends Interval {
  readonly dropped: number;
}

/** Everything that a queue knows, for whoever goes on with it. */
export interface QueuedReports {
  readonly bootId: string;
  readonly lastSeq: number;
  readonly confirmedSeq: number;
  /** Sent, or at least numbered, and not confirmed. */
  readonly sent: readonly Report[];
  readonly waiting: readonly (Interval & { readonly dropped: number })[];
}

interface Sent {
  readonly report: Report;
  /** Undefined when it must be sent (again). */
  readonly sentAtMs: number | undefined;
}

/**
 * Reports between their making and their confirmation, so that each count arrives exactly once.
 *
 * An interval is numbered when it is first sent: until then neighbours may be merged, which keeps
 * every count and loses only resolution. Rows are dropped only when even one merged interval has
 * more than `reportRowsKeptMax`, and then the next report says how many.
 */
export class ReportQueue {
  readonly #newBootId: () => string;
  #bootId: string;
  #waiting: readonly Waiting[] = [];
  #sent: readonly Sent[] = [];
  #lastSeq = 0;
  #confirmedSeq = 0;

  /** @param queued what another queue left, which is gone on with under its name */
  constructor(newBootId: () => string, queued?: QueuedReports) {
    this.#newBootId = newBootId;
    this.#bootId = queued?.bootId ?? newBootId();
    this.#lastSeq = queued?.lastSeq ?? 0;
    this.#confirmedSeq = queued?.confirmedSeq ?? 0;
    this.#sent = (queued?.sent ?? []).map((report) => ({ report, sentAtMs: undefined }));
    this.#waiting = queued?.waiting ?? [];
  }

  /** What a successor needs to go on so that every count arrives exactly once. */
  queued(): QueuedReports {
    return {
      bootId: this.#bootId,
      lastSeq: this.#lastSeq,
      confirmedSeq: this.#confirmedSeq,
      sent: this.#sent.map(({ report }) => report),
      waiting: this.#waiting,
    };
  }

  /** Names the counting; changes only when the control plane has forgotten what it had confirmed. */
  get bootId(): string {
    return this.#bootId;
  }

  /** Reports and intervals that have not left, or must leave again. */
  get unsent(): number {
    return (
      this.#waiting.length + this.#sent.filter(({ sentAtMs }) => sentAtMs === undefined).length
    );
  }

  /** Reports and intervals that are not confirmed. */
  get size(): number {
    return this.#waiting.length + this.#sent.length;
  }

  /** Adds what happened; an interval in which nothing happened is left out. */
  add(interval: Interval): void {
    if (interval.rows.length === 0) return;
    this.#waiting = bounded([...this.#waiting, { ...interval, dropped: 0 }]);
  }

  /** The report to send now, or undefined: none is left, or enough are on their way. */
  next(): Report | undefined {
    const again = this.#sent.find(({ sentAtMs }) => sentAtMs === undefined);
    if (again !== undefined) return again.report;
    const [first, ...rest] = this.#waiting;
    if (first === undefined || this.#sent.length >= reportsInFlightMax) return undefined;
    const left = first.rows.slice(reportRowsMax);
    this.#waiting = left.length === 0 ? rest : [{ ...first, rows: left, dropped: 0 }, ...rest];
    this.#lastSeq += 1;
    const report = this.#numbered(first, this.#lastSeq);
    this.#sent = [...this.#sent, { report, sentAtMs: undefined }];
    return report;
  }

  /** The report that `next` gave has left. */
  sent(report: Report, nowMs: number): void {
    this.#sent = this.#sent.map((one) =>
      one.report.seq === report.seq ? { ...one, sentAtMs: nowMs } : one,
    );
  }

  /** The control plane has taken everything up to `mark`; what it should have by now goes again. */
  marked(mark: Mark, nowMs: number): void {
    if (mark.bootId !== this.#bootId || mark.seq < this.#confirmedSeq) return;
    this.#confirm(mark.seq);
    const oldest = this.#sent[0]?.sentAtMs;
    if (oldest !== undefined && nowMs - oldest >= reportAnswerMsMax) this.#sendAgain();
  }

  /**
   * A new link stands. What was on its way on the old one goes again. When the control plane knows
   * less than it had confirmed (its database was restored), the counting starts over under a new
   * name, with what is not confirmed: the reports after its mark are gone on both sides.
   */
  linked(mark: Mark): "went-on" | "started-over" {
    const seq = mark.bootId === this.#bootId ? mark.seq : 0;
    const isBehind = seq < this.#confirmedSeq;
    if (isBehind) this.#startOver();
    else this.#confirm(seq);
    this.#sendAgain();
    return isBehind ? "started-over" : "went-on";
  }

  #confirm(seq: number): void {
    this.#confirmedSeq = seq;
    this.#sent = this.#sent.filter(({ report }) => report.seq > seq);
  }

  #sendAgain(): void {
    this.#sent = this.#sent.map(({ report }) => ({ report, sentAtMs: undefined }));
  }

  #startOver(): void {
    const bootId = this.#newBootId();
    this.#bootId = bootId;
    this.#confirmedSeq = 0;
    this.#sent = this.#sent.map(({ report }, index) => ({
      report: { ...report, bootId, seq: index + 1 },
      sentAtMs: undefined,
    }));
    this.#lastSeq = this.#sent.length;
  }

  #numbered(interval: Waiting, seq: number): Report {
    const { fromMs, toMs, rows, dropped } = interval;
    return {
      bootId: this.#bootId,
      seq,
      fromMs,
      toMs,
      dropped,
      counterColumns: [...counterColumns],
      gaugeColumns: [...gaugeColumns],
      rows: rows.slice(0, reportRowsMax),
    };
  }
}

/** Within both bounds: neighbours are merged, then rows dropped. */
function bounded(waiting: readonly Waiting[]): readonly Waiting[] {
  let kept = waiting;
  while (kept.length > 1 && (kept.length > reportsKeptMax || rowsOf(kept) > reportRowsKeptMax)) {
    kept = inPairs(kept);
  }
  return kept.map(withRowsBound);
}

function rowsOf(waiting: readonly Waiting[]): number {
  return waiting.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** Halves the number of intervals: the resolution of all of them suffers alike. */
function inPairs(waiting: readonly Waiting[]): readonly Waiting[] {
  return waiting.flatMap((first, index) => {
    if (index % 2 === 1) return [];
    const second = waiting[index + 1];
    return [second === undefined ? first : merged(first, second)];
  });
}

function merged(first: Waiting, second: Waiting): Waiting {
  return {
    fromMs: first.fromMs,
    toMs: second.toMs,
    rows: mergedRows(first.rows, second.rows),
    dropped: first.dropped + second.dropped,
  };
}

function withRowsBound(interval: Waiting): Waiting {
  const over = interval.rows.length - reportRowsKeptMax;
  if (over <= 0) return interval;
  return { ...interval, rows: interval.rows.slice(over), dropped: interval.dropped + over };
}
