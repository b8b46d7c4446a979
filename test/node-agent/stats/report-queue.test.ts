import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  reportAnswerMsMax,
  reportRowsKeptMax,
  reportRowsMax,
  reportsInFlightMax,
  reportsKeptMax,
} from "#shared/base/limits.ts";
import type { Report, ReportRow } from "#shared/measures/report.ts";

import { ReportQueue } from "../../../node-agent/stats/report-queue.ts";

describe("report queue", () => {
  test("numbers reports from 1 when they are first taken, and leaves out empty intervals", () => {
    const queue = newQueue();
    queue.add(intervalOf(0, 1, []));
    queue.add(intervalOf(1, 2, [rowOf("a", 5)]));
    queue.add(intervalOf(2, 3, [rowOf("a", 6)]));
    expect(send(queue, 0)).toMatchObject([
      { bootId: "boot-1", seq: 1, fromMs: 1, toMs: 2, dropped: 0 },
      { bootId: "boot-1", seq: 2, fromMs: 2, toMs: 3 },
    ]);
    expect(queue.next()).toBeUndefined();
  });

  test("a report that the link did not take is offered again under its number", () => {
    const queue = newQueue();
    queue.add(intervalOf(0, 1, [rowOf("a", 5)]));
    const offered = queue.next();
    expect(queue.next()).toEqual(offered);
  });

  test("keeps what is not confirmed, and has only so many on their way", () => {
    const queue = newQueue();
    for (let index = 0; index < reportsInFlightMax + 5; index += 1) {
      queue.add(intervalOf(index, index + 1, [rowOf("a", 1)]));
    }
    expect(send(queue, 0).length).toBe(reportsInFlightMax);
    queue.marked({ bootId: "boot-1", seq: 3 }, 1);
    expect(send(queue, 1).map(({ seq }) => seq)).toEqual([9, 10, 11]);
    queue.marked({ bootId: "boot-1", seq: 13 }, 2);
    expect(queue.size).toBe(2);
  });

  test("a new link gets everything that is not confirmed again, in order and unchanged", () => {
    const queue = newQueue();
    for (const index of [0, 1, 2, 3]) queue.add(intervalOf(index, index + 1, [rowOf("a", index)]));
    const before = send(queue, 0);
    queue.linked({ bootId: "boot-1", seq: 1 });
    expect(send(queue, 5)).toEqual(before.slice(1));
  });

  test("what should have been confirmed by now goes again; what was sent just now does not", () => {
    const queue = newQueue();
    queue.add(intervalOf(0, 1, [rowOf("a", 1)]));
    const first = send(queue, 0);
    queue.marked({ bootId: "boot-1", seq: 0 }, reportAnswerMsMax - 1);
    expect(send(queue, 1)).toEqual([]);
    queue.marked({ bootId: "boot-1", seq: 0 }, reportAnswerMsMax);
    expect(send(queue, reportAnswerMsMax)).toEqual(first);
  });

  test("marks of another boot, and marks that go back on the same link, change nothing", () => {
    const queue = newQueue();
    queue.add(intervalOf(0, 1, [rowOf("a", 1)]));
    queue.add(intervalOf(1, 2, [rowOf("a", 1)]));
    send(queue, 0);
    queue.marked({ bootId: "boot-1", seq: 1 }, 1);
    queue.marked({ bootId: "other", seq: 9 }, 1);
    queue.marked({ bootId: "boot-1", seq: 0 }, 1);
    expect(queue.size).toBe(1);
  });

  test("a control plane that forgot what it had confirmed: counting starts over, with what it never had", () => {
    const queue = newQueue();
    for (const at of [0, 1, 2, 3, 4]) queue.add(intervalOf(at, at + 1, [rowOf("a", at)]));
    send(queue, 0);
    queue.marked({ bootId: "boot-1", seq: 3 }, 1);
    expect(queue.linked({ bootId: "boot-1", seq: 1 })).toBe("started-over");
    expect(queue.bootId).toBe("boot-2");
    expect(send(queue, 2)).toMatchObject([
      { bootId: "boot-2", seq: 1, fromMs: 3 },
      { bootId: "boot-2", seq: 2, fromMs: 4 },
    ]);
    expect(queue.linked({ bootId: "boot-2", seq: 0 })).toBe("went-on");
    expect(queue.bootId).toBe("boot-2");
  });

  test("too many intervals: neighbours are merged, and no count is lost", () => {
    const queue = newQueue();
    const intervals = 10 * reportsKeptMax;
    for (let index = 0; index < intervals; index += 1) {
      queue.add(intervalOf(index, index + 1, [rowOf("a", 1), rowOf(`b${index % 7}`, 2)]));
    }
    expect(queue.size).toBeLessThanOrEqual(reportsKeptMax);
    const reports = drained(queue);
    expect(sum(reports)).toBe(3 * intervals);
    expect(reports.every(({ dropped }) => dropped === 0)).toBe(true);
    expect(reports[0]?.fromMs).toBe(0);
    expect(reports.at(-1)?.toMs).toBe(intervals);
  });

  test("an interval with more rows than a report holds becomes several reports", () => {
    const queue = newQueue();
    const rows = Array.from({ length: 2 * reportRowsMax + 1 }, (_, index) => rowOf(`b${index}`, 1));
    queue.add(intervalOf(0, 1, rows));
    const reports = drained(queue);
    expect(reports.map((report) => report.rows.length)).toEqual([reportRowsMax, reportRowsMax, 1]);
    expect(sum(reports)).toBe(2 * reportRowsMax + 1);
  });

  test("only when even one merged interval has too many rows are some dropped, and that is declared", () => {
    const queue = newQueue();
    const rows = Array.from({ length: reportRowsKeptMax }, (_, index) => rowOf(`b${index}`, 1));
    queue.add(intervalOf(0, 1, rows));
    queue.add(intervalOf(1, 2, [rowOf("c", 1), rowOf("d", 1)]));
    const reports = drained(queue);
    expect(reports.map(({ dropped }) => dropped).reduce((a, b) => a + b, 0)).toBe(2);
    expect(sum(reports)).toBe(reportRowsKeptMax);
  });

  test("whatever is lost, repeated or reordered by links: the control plane counts exactly what happened", () => {
    fc.assert(
      fc.property(fc.array(actionOf, { maxLength: 200 }), (actions) => {
        const queue = newQueue();
        const control = { seq: 0, counted: 0 };
        let happened = 0;
        let nowMs = 0;
        const take = (report: Report, arrives: boolean): void => {
          queue.sent(report, nowMs);
          if (!arrives || report.seq !== control.seq + 1) return;
          control.seq = report.seq;
          control.counted += sum([report]);
        };
        const mark = (): { bootId: string; seq: number } => ({
          bootId: queue.bootId,
          seq: control.seq,
        });
        for (const action of actions) {
          nowMs += 1_000;
          if (action.kind === "happen") {
            happened += action.count;
            queue.add(intervalOf(nowMs, nowMs + 1, [rowOf("a", action.count)]));
          }
          const next = action.kind === "send" ? queue.next() : undefined;
          if (next !== undefined) take(next, action.kind === "send" && action.arrives);
          if (action.kind === "mark") queue.marked(mark(), nowMs);
          if (action.kind === "relink") queue.linked(mark());
        }
        queue.linked(mark());
        for (let next = queue.next(); next !== undefined; next = queue.next()) {
          take(next, true);
          queue.marked(mark(), nowMs);
        }
        expect(control.counted).toBe(happened);
        expect(queue.bootId).toBe("boot-1");
      }),
      { numRuns: 300 },
    );
  });
});

const actionOf = fc.oneof(
  fc.record({ kind: fc.constant("happen" as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant("send" as const), arrives: fc.boolean() }),
  fc.record({ kind: fc.constant("mark" as const) }),
  fc.record({ kind: fc.constant("relink" as const) }),
);

function newQueue(): ReportQueue {
  let boots = 0;
  return new ReportQueue(() => `boot-${(boots += 1)}`);
}

function send(queue: ReportQueue, nowMs: number): readonly Report[] {
  const reports: Report[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    queue.sent(next, nowMs);
    reports.push(next);
  }
  return reports;
}

/** Everything, each report confirmed as soon as it is sent. */
function drained(queue: ReportQueue): readonly Report[] {
  const reports: Report[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    queue.sent(next, 0);
    queue.marked({ bootId: queue.bootId, seq: next.seq }, 0);
    reports.push(next);
  }
  return reports;
}

function intervalOf(fromMs: number, toMs: number, rows: readonly ReportRow[]) {
  return { fromMs, toMs, rows };
}

function rowOf(balancer: string, connections: number): ReportRow {
  return { balancer, backend: "", counters: [connections, 0, 0, 0, 0], gauges: [0, 0] };
}

function sum(reports: readonly Report[]): number {
  return reports
    .flatMap(({ rows }) => rows)
    .reduce((total, { counters }) => total + (counters[0] ?? 0), 0);
}
