import { describe, expect, test } from "vitest";

import { reportRetryMs, statisticsMs } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";
import { counterColumns, type Report } from "#shared/measures/report.ts";

import { createReporter, type Reporter } from "../../../node-agent/stats/reporter.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("reporter", () => {
  test("reports the difference since the last time, at a random moment first and then evenly", () => {
    const { clock, totals, sent } = setup();
    totals.connections = 3;
    clock.advance(statisticsMs / 2);
    totals.connections = 10;
    clock.advance(statisticsMs);
    clock.advance(statisticsMs);
    expect(counts(sent)).toEqual([3, 7]);
    expect(sent[1]).toMatchObject({ fromMs: sent[0]?.toMs, seq: 2 });
  });

  test("the control plane sets how often", () => {
    const { clock, totals, sent, reporter } = setup();
    reporter.linked({ bootId: "boot", seq: 0 }, 10_000);
    clock.advance(5_000);
    totals.connections = 1;
    clock.advance(9_999);
    expect(sent.length).toBe(0);
    clock.advance(1);
    expect(counts(sent)).toEqual([1]);
  });

  test("while the link takes nothing, intervals wait and are offered again", () => {
    const { clock, totals, sent, link } = setup();
    link.open = false;
    for (totals.connections = 1; totals.connections < 5; totals.connections += 1) {
      clock.advance(statisticsMs);
    }
    expect(sent).toEqual([]);
    link.open = true;
    clock.advance(reportRetryMs);
    expect(counts(sent).reduce((a, b) => a + b, 0)).toBe(totals.connections);
  });

  test("a successor goes on with the counting: what was not confirmed, what was counted since, each once", () => {
    const first = setup();
    first.reporter.linked({ bootId: "boot", seq: 0 }, statisticsMs);
    first.totals.connections = 4;
    first.clock.advance(statisticsMs);
    first.totals.connections = 6;
    const counting = first.reporter.handOver();
    first.clock.advance(10 * statisticsMs);
    expect(counts(first.sent)).toEqual([4]);

    const second = setup("another boot");
    second.link.open = false;
    // Served beside the first one, before the counting was handed over.
    second.totals.connections = 5;
    second.clock.advance(2 * statisticsMs);
    second.totals.connections = 6 + 5;
    second.reporter.succeed(counting);
    second.link.open = true;
    second.reporter.linked({ bootId: "boot", seq: 0 }, statisticsMs);
    second.clock.advance(2 * statisticsMs);

    expect(second.reporter.bootId()).toBe("boot");
    expect(second.sent.map(({ bootId, seq }) => [bootId, seq])).toEqual([
      ["boot", 1],
      ["boot", 2],
      ["boot", 3],
    ]);
    expect(counts(second.sent)).toEqual([4, 2, 5]);
  });

  test("what is not confirmed goes again on the next link", () => {
    const { clock, totals, sent, reporter } = setup();
    totals.connections = 4;
    clock.advance(statisticsMs);
    reporter.linked({ bootId: "boot", seq: 0 }, statisticsMs);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 1]);
    reporter.marked({ bootId: "boot", seq: 1 });
    reporter.linked({ bootId: "boot", seq: 1 }, statisticsMs);
    expect(sent.length).toBe(2);
  });

  test("counting that starts over names everything that is there, also what has not moved", () => {
    const { clock, totals, sent, reporter } = setup();
    totals.connections = 4;
    totals.idle = 2;
    clock.advance(statisticsMs);
    reporter.marked({ bootId: "boot", seq: 1 });
    reporter.linked({ bootId: "boot", seq: 1 }, statisticsMs);
    totals.connections = 7;
    clock.advance(statisticsMs);
    totals.connections = 8;
    expect(sent.map(({ rows }) => rows.length)).toEqual([3, 1]);

    reporter.linked({ bootId: "boot", seq: 0 }, statisticsMs);
    const [again, whole, ...more] = sent.slice(2);
    expect([again?.seq, whole?.seq, more]).toEqual([1, 2, []]);
    expect(again?.rows).toEqual([rowOf("", 3)]);
    expect(whole?.rows).toEqual([rowOf("", 1), rowOf("idle:1", 0), rowOf("idle:2", 0)]);
    totals.connections = 9;
    clock.advance(statisticsMs);
    expect(sent.at(-1)).toMatchObject({ seq: 3, rows: [rowOf("", 1)] });
  });

  test("flushed at the end, the last interval is reported at once; stopped, nothing is left waiting", () => {
    const { clock, totals, sent, reporter } = setup();
    totals.connections = 2;
    reporter.flush();
    expect(counts(sent)).toEqual([2]);
    void reporter.stop();
    expect(clock.timers).toBe(0);
  });

  test("a wall clock that is set back does not turn an interval around", () => {
    const { clock, totals, sent } = setup();
    const set = clock.nowMs.bind(clock);
    clock.nowMs = () => set() - 3_600_000;
    totals.connections = 1;
    clock.advance(statisticsMs);
    expect(sent[0]?.toMs).toBeGreaterThanOrEqual(sent[0]?.fromMs ?? 0);
  });
});

function setup(bootId = "boot"): {
  readonly clock: FakeClock;
  readonly totals: { connections: number; idle: number };
  readonly sent: Report[];
  readonly link: { open: boolean };
  readonly reporter: Reporter;
} {
  const clock = new FakeClock();
  const totals = { connections: 0, idle: 0 };
  const link = { open: true };
  const sent: Report[] = [];
  const reporter = createReporter({
    clock,
    random: () => 0.5,
    newBootId: () => bootId,
    totals: () => [
      ...(totals.connections === 0 ? [] : [totalsOf("", totals.connections)]),
      ...Array.from({ length: totals.idle }, (_, index) => totalsOf(`idle:${index + 1}`, 0)),
    ],
    send: (report) => {
      if (link.open) sent.push(report);
      return link.open;
    },
  });
  return { clock, totals, sent, link, reporter };
}

function totalsOf(backend: string, connections: number): TotalsRow {
  return {
    balancer: "bal_a",
    backend,
    counters: { connections, refused: 0, rejected: 0, rxBytes: 0, txBytes: 0 },
    gauges: { activeConnections: 0, live: 1 },
  };
}

/** A report's row about `totalsOf`. */
function rowOf(backend: string, connections: number): Report["rows"][number] {
  const counters = counterColumns.map((name) => (name === "connections" ? connections : 0));
  return { balancer: "bal_a", backend, counters, gauges: [0, 1, 0] };
}

function counts(reports: readonly Report[]): readonly number[] {
  return reports.map(({ rows }) => rows[0]?.counters[0] ?? 0);
}
