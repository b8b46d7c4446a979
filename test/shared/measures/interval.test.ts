import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { reportRowsMax } from "#shared/base/limits.ts";
import {
  intervalRows,
  mergedRows,
  standingRows,
  type TotalsRow,
} from "#shared/measures/interval.ts";
import { counterColumns, reportSchema, type ReportRow } from "#shared/measures/report.ts";

function totals(balancer: string, connections: number, over: Partial<TotalsRow> = {}): TotalsRow {
  const counters = { connections, refused: 0, rejected: 0, rxBytes: 10 * connections, txBytes: 0 };
  return { balancer, backend: "", counters, gauges: { activeConnections: 0, live: 1 }, ...over };
}

const at = (row: ReportRow | undefined, column: (typeof counterColumns)[number]) =>
  row?.counters[counterColumns.indexOf(column)];

describe("what happened between two moments", () => {
  test("is the increase of every counter, and the gauges as they are", () => {
    const [row] = intervalRows([totals("bal_1", 3)], [totals("bal_1", 5)]);
    expect(row).toEqual({
      balancer: "bal_1",
      backend: "",
      counters: [2, 0, 0, 20, 0],
      gauges: [0, 1, 0],
    });
  });

  test("leaves out what did not move, and keeps what only changed its gauges", () => {
    const still = totals("bal_1", 3);
    expect(intervalRows([still], [still])).toEqual([]);
    const down = { ...still, gauges: { activeConnections: 0, live: 0 } };
    expect(intervalRows([still], [down])).toEqual([
      { balancer: "bal_1", backend: "", counters: [0, 0, 0, 0, 0], gauges: [0, 0, 0] },
    ]);
  });

  test("can be told with all that stands there, which adds nothing to the counts", () => {
    const [still, moved] = [totals("bal_1", 3), totals("bal_2", 5)];
    const rows = intervalRows([still, totals("bal_2", 4)], [still, moved]);
    expect(mergedRows(standingRows([still, moved]), rows)).toEqual([
      { balancer: "bal_1", backend: "", counters: [0, 0, 0, 0, 0], gauges: [0, 1, 0] },
      ...rows,
    ]);
  });

  test("tells once of what has left, and not that it has when it is back by then", () => {
    const row = totals("bal_1", 3);
    const gone = { balancer: "bal_1", backend: "", counters: [0, 0, 0, 0, 0], gauges: [0, 0, 1] };
    expect(intervalRows([row], [])).toEqual([gone]);
    expect(intervalRows([], [])).toEqual([]);
    const back = mergedRows(intervalRows([row], []), intervalRows([], [totals("bal_1", 1)]));
    expect(back).toMatchObject([{ counters: [1, 0, 0, 10, 0], gauges: [0, 1, 0] }]);
  });

  test("counts what is new, or was made anew, from zero: never a negative number", () => {
    expect(at(intervalRows([], [totals("bal_1", 4)])[0], "connections")).toBe(4);
    expect(at(intervalRows([totals("bal_1", 9)], [totals("bal_1", 2)])[0], "connections")).toBe(2);
  });

  test("adds up to the whole, however the time is cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }), (steps) => {
        const moments = [[totals("bal_1", 0)]];
        for (const step of steps) {
          const last = moments.at(-1)?.[0]?.counters.connections ?? 0;
          moments.push([totals("bal_1", last + step)]);
        }
        const pieces = moments
          .slice(1)
          .map((after, index) => intervalRows(moments[index] ?? [], after));
        const merged = pieces.reduce(mergedRows, []);
        const sum = steps.reduce((all, step) => all + step, 0);
        expect(at(merged[0], "connections") ?? 0).toBe(sum);
        expect(at(merged[0], "rxBytes") ?? 0).toBe(10 * sum);
      }),
    );
  });

  test("merged, keeps rows apart and the later gauges", () => {
    const row = (backend: string, value: number): ReportRow => {
      return { balancer: "b", backend, counters: [value], gauges: [value] };
    };
    expect(mergedRows([row("x", 1), row("y", 2)], [row("x", 10)])).toEqual([
      { balancer: "b", backend: "x", counters: [11], gauges: [10] },
      row("y", 2),
    ]);
  });
});

describe("a report on the wire", () => {
  const report = {
    ...{ bootId: "boot", seq: 1, fromMs: 0, toMs: 1, dropped: 0 },
    counterColumns: ["connections"],
    gaugeColumns: [],
    rows: [{ balancer: "bal_1", backend: "", counters: [1], gauges: [] }],
  };

  test.each([
    ["a negative counter", [-1]],
    ["half a connection", [0.5]],
    ["more than a number holds exactly", [2 ** 53]],
  ])("%s is refused", (_, counters) => {
    expect(reportSchema.safeParse(report).success).toBe(true);
    const rows = report.rows.map((row) => ({ ...row, counters }));
    expect(reportSchema.safeParse({ ...report, rows }).success).toBe(false);
  });

  test("too many rows are refused, and a seq below 1", () => {
    const rows = Array.from({ length: reportRowsMax + 1 }, () => report.rows[0]);
    expect(reportSchema.safeParse({ ...report, rows }).success).toBe(false);
    expect(reportSchema.safeParse({ ...report, seq: 0 }).success).toBe(false);
  });
});
