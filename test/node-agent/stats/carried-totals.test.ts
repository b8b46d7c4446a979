import { expect, test } from "vitest";

import { departedRowMs } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import { CarriedTotals } from "../../../node-agent/stats/carried-totals.ts";

function row(backend: string, rxBytes: number, activeConnections = 0): TotalsRow {
  return {
    balancer: "bal_1",
    backend,
    counters: { connections: 1, refused: 0, rejected: 0, rxBytes, txBytes: 0 },
    gauges: { activeConnections, live: 1 },
  };
}

function bytes(rows: readonly TotalsRow[]): Readonly<Record<string, number>> {
  return Object.fromEntries(rows.map((one) => [one.backend, one.counters.rxBytes]));
}

test("what is gone is told for a while, with nothing open, and then no more", () => {
  const carried = new CarriedTotals();
  carried.carry([row("", 100, 3), row("a:1", 100, 3)], 0);
  expect(carried.merged([], departedRowMs - 1)).toMatchObject([
    { backend: "", counters: { rxBytes: 100 }, gauges: { activeConnections: 0, live: 0 } },
    { backend: "a:1", counters: { rxBytes: 100 }, gauges: { activeConnections: 0, live: 0 } },
  ]);
  expect(carried.merged([], departedRowMs)).toEqual([]);
  expect(carried.merged([row("", 1)], departedRowMs + 1)).toMatchObject([
    { counters: { rxBytes: 1 } },
  ]);
});

test("a balancer that runs again under its id goes on from there, for as long as it runs", () => {
  const carried = new CarriedTotals();
  carried.carry([row("", 100), row("a:1", 100)], 0);
  const running = [row("", 5), row("a:1", 5)];
  expect(bytes(carried.merged(running, 1))).toEqual({ "": 105, "a:1": 105 });
  expect(bytes(carried.merged(running, departedRowMs * 100))).toEqual({ "": 105, "a:1": 105 });

  carried.carry(running, departedRowMs * 100);
  expect(bytes(carried.merged([], departedRowMs * 100 + 1))).toEqual({ "": 105, "a:1": 105 });
  expect(carried.merged([], departedRowMs * 101)).toEqual([]);
});

test("two forms of one balancer, one of them draining, are one row", () => {
  const carried = new CarriedTotals();
  const merged = carried.merged([row("", 7, 2), row("", 3, 1)], 0);
  expect(merged).toMatchObject([{ counters: { rxBytes: 10 }, gauges: { activeConnections: 3 } }]);
});
