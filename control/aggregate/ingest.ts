import type { Clock, Timer } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { NodeId } from "#shared/base/ids.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  ingestMs,
  nodeRowsPerWriteMax,
  reportRowsPerWriteMax,
  reportsInFlightMax,
  reportsWaitingMax,
} from "#shared/base/limits.ts";
import type { Report } from "#shared/measures/report.ts";

import { createFlipLog, type FlipLog } from "../flip-log.ts";
import type { Log } from "../log.ts";
import type { Database } from "../storage/database.ts";
import {
  ingestReports,
  type ReportRowWrite,
  type ReportsWrite,
} from "../storage/queries/node-reports.ts";
import { reportRows, type TimedReport } from "./report-rows.ts";
import { reportTimeMs } from "./report-time.ts";

export interface IngestDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/** Takes reports of nodes and counts each exactly once. */
export interface Ingest extends Stoppable {
  /**
   * Stores a report. Resolves once it is committed, with the last report of its boot that is
   * counted then: below the report's own when it did not follow that one. Null when the database
   * cannot be asked or too many wait: the node sends it again. Never rejects.
   */
  take(node: NodeId, report: Report, clockOffsetMs: number): Promise<number | null>;
}

interface WaitingReport extends TimedReport {
  readonly settle: (mark: number | null) => void;
}

/** Reports of one boot that follow each other, waiting to be written. */
interface WaitingBoot {
  readonly node: NodeId;
  readonly boot: string;
  readonly reports: WaitingReport[];
}

interface Batch {
  readonly boots: readonly WaitingBoot[];
  readonly writes: readonly ReportsWrite[];
  readonly rows: readonly ReportRowWrite[];
}

export function createIngest(deps: IngestDeps): Ingest {
  const batches = new BatchedIngest(deps);
  return {
    name: "ingest",
    take: (node, report, clockOffsetMs) => batches.take(node, report, clockOffsetMs),
    stop: () => batches.stop(),
  };
}

class BatchedIngest {
  readonly #deps: IngestDeps;
  readonly #trouble: FlipLog;
  readonly #waiting = new Map<string, WaitingBoot>();
  #count = 0;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(deps: IngestDeps) {
    this.#deps = deps;
    this.#trouble = createFlipLog(deps.log, "ingest");
  }

  take(node: NodeId, report: Report, clockOffsetMs: number): Promise<number | null> {
    if (this.#stopped || this.#count >= reportsWaitingMax) return Promise.resolve(null);
    const receivedMs = this.#deps.clock.nowMs();
    const atMs = reportTimeMs(report.toMs, { receivedMs, clockOffsetMs });
    const boot = this.#bootOf(node, report.bootId);
    this.#count += 1;
    this.#plan();
    return new Promise((settle) => {
      boot.reports.push({ report, atMs, settle });
    });
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.stop();
    await this.#writing;
    while (this.#waiting.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one transaction at a time
      await this.#write(this.#nextBatch());
    }
  }

  #bootOf(node: NodeId, boot: string): WaitingBoot {
    const key = `${node} ${boot}`;
    const known = this.#waiting.get(key);
    if (known !== undefined) return known;
    const fresh: WaitingBoot = { node, boot, reports: [] };
    this.#waiting.set(key, fresh);
    return fresh;
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#stopped) return;
    this.#timer = this.#deps.clock.after(ingestMs, () => {
      this.#timer = undefined;
      this.#writing = this.#write(this.#nextBatch()).finally(() => {
        this.#writing = undefined;
        if (this.#waiting.size > 0) this.#plan();
      });
    });
  }

  /** As many boots as one transaction takes, each with its reports up to the first gap. */
  #nextBatch(): Batch {
    const boots: WaitingBoot[] = [];
    let rows = 0;
    for (const [key, { node, boot, reports }] of this.#waiting) {
      if (boots.length >= nodeRowsPerWriteMax || rows >= reportRowsPerWriteMax) break;
      const taken = reports.splice(0, runLength(reports));
      if (reports.length === 0) this.#waiting.delete(key);
      this.#count -= taken.length;
      boots.push({ node, boot, reports: taken });
      rows += taken.reduce((sum, { report }) => sum + report.rows.length, 0);
    }
    return batchOf(boots);
  }

  async #write(batch: Batch): Promise<void> {
    try {
      await this.#store(batch);
      this.#trouble.worked("reports");
    } catch (error) {
      this.#trouble.failed("reports", error);
      for (const { reports } of batch.boots) for (const { settle } of reports) settle(null);
    }
  }

  /**
   * One transaction; when Postgres refuses it for its content, halves, until the report that does
   * it is alone. That one is left out: else its node would send it for ever.
   */
  async #store(batch: Batch): Promise<void> {
    try {
      await this.#storeAll(batch);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const halves = halvesOf(batch.boots);
      if (halves === undefined) return this.#leaveOut(batch, error);
      for (const boots of halves) {
        // oxlint-disable-next-line no-await-in-loop -- a later report counts only after the earlier
        await this.#write(batchOf(boots));
      }
    }
  }

  /** The report counts without its rows; that they are missing is counted and said. */
  async #leaveOut({ boots, writes, rows }: Batch, error: unknown): Promise<void> {
    const { node, boot, reports: [waiting] = [] } = boots[0] ?? {};
    const about = { node, boot, seq: waiting?.report.seq, rows: rows.length };
    this.#deps.log.error("ingest.left-out", { ...about, error });
    const declared = writes.map((write) => ({ ...write, dropped: write.dropped + rows.length }));
    await this.#storeAll({ boots, writes: declared, rows: [] });
  }

  async #storeAll({ boots, writes, rows }: Batch): Promise<void> {
    const marks = await this.#deps.database.asSystem((tx) => ingestReports(tx, writes, rows));
    const byNumber = new Map(marks.map(({ n, seq }) => [n, seq]));
    const left: WaitingBoot[] = [];
    for (const [index, boot] of boots.entries()) {
      const mark = byNumber.get(writes[index]?.n ?? -1) ?? null;
      const fresh = uncounted(boot.reports, mark);
      const told = boot.reports.slice(0, boot.reports.length - fresh.length);
      for (const { settle } of told) settle(mark);
      if (fresh.length > 0) left.push({ ...boot, reports: fresh });
    }
    if (left.length > 0) await this.#write(batchOf(left));
  }
}

/**
 * What is new in a run whose beginning was counted before (an instance that died had stored it): such
 * a run is not taken as a whole. None when it was taken, or does not follow what is counted.
 */
function uncounted(reports: WaitingReport[], mark: number | null): WaitingReport[] {
  const isBegun = mark !== null && mark >= (reports[0]?.report.seq ?? Number.POSITIVE_INFINITY);
  return isBegun ? reports.filter(({ report }) => report.seq > mark) : [];
}

/** How many reports follow each other without a gap, from the first; as many as a node sends ahead. */
function runLength(reports: readonly WaitingReport[]): number {
  const first = reports[0]?.report.seq ?? 0;
  const gap = reports.findIndex(({ report }, index) => report.seq !== first + index);
  return Math.min(reportsInFlightMax, gap < 0 ? reports.length : gap);
}

/** What a transaction writes for these boots. */
function batchOf(boots: readonly WaitingBoot[]): Batch {
  return {
    boots,
    writes: boots.map((boot, n) => writeOf(n, boot)),
    rows: boots.flatMap(({ reports }, n) => reportRows(n, reports)),
  };
}

function writeOf(n: number, { node, boot, reports }: WaitingBoot): ReportsWrite {
  return {
    n,
    node,
    boot,
    first: reports[0]?.report.seq ?? 0,
    last: reports.at(-1)?.report.seq ?? 0,
    dropped: reports.reduce((sum, { report }) => sum + report.dropped, 0),
    atMs: reports.at(-1)?.atMs ?? 0,
  };
}

/** Half of the boots each, or half of the reports of a single one; undefined of a single report. */
function halvesOf(
  boots: readonly WaitingBoot[],
): readonly [readonly WaitingBoot[], readonly WaitingBoot[]] | undefined {
  const middle = Math.floor(boots.length / 2);
  if (middle > 0) return [boots.slice(0, middle), boots.slice(middle)];
  const [only] = boots;
  if (only === undefined || only.reports.length < 2) return undefined;
  const { reports } = only;
  const half = Math.floor(reports.length / 2);
  return [
    [{ ...only, reports: reports.slice(0, half) }],
    [{ ...only, reports: reports.slice(half) }],
  ];
}

/** Whether the statement itself was refused, not the moment. */
function isRefused(error: unknown): boolean {
  return error instanceof Fault && error.code === "storage/query-failed";
}
