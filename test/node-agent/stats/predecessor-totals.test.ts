import { expect, test } from "vitest";

import { departedRowMs } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import { PredecessorTotals } from "../../../node-agent/stats/predecessor-totals.ts";

function row(balancer: string, connections: number, activeConnections = 0, live = 1): TotalsRow {
  return {
    balancer,
    backend: "",
    counters: { connections, refused: 0, rejected: 0, rxBytes: 0, txBytes: 0 },
    gauges: { activeConnections, live },
  };
}

test("counters of both processes are added, and never go down: not when it drains, not when it ends", () => {
  const totals = new PredecessorTotals();
  totals.told([row("bal_a", 10, 2)]);
  expect(totals.mergedWith([row("bal_a", 1, 1)], 0)).toEqual([row("bal_a", 11, 3)]);
  expect(totals.openConnections).toBe(2);
  totals.told([row("bal_a", 11, 1)]);
  expect(totals.mergedWith([row("bal_a", 1, 1)], 0)).toEqual([row("bal_a", 12, 2)]);
  // The balancer has drained over there, while others still do.
  totals.told([]);
  expect(totals.mergedWith([row("bal_a", 1, 1)], 0)).toEqual([row("bal_a", 12, 1)]);
  totals.ended(0);
  expect(totals.openConnections).toBe(0);
  expect(totals.mergedWith([row("bal_a", 5, 1)], 10 * departedRowMs)).toEqual([
    row("bal_a", 16, 1),
  ]);
});

test("what only the predecessor has served is told until nobody can miss it", () => {
  const totals = new PredecessorTotals();
  totals.told([row("bal_gone", 3)]);
  totals.ended(0);
  expect(totals.mergedWith([], 0)).toEqual([row("bal_gone", 3, 0, 0)]);
  expect(totals.mergedWith([], departedRowMs)).toEqual([]);
});

test("which backends live is the successor's own knowledge", () => {
  const totals = new PredecessorTotals();
  totals.told([row("bal_a", 1, 0, 1)]);
  expect(totals.mergedWith([row("bal_a", 0, 0, 0)], 0)).toEqual([row("bal_a", 1, 0, 0)]);
});
