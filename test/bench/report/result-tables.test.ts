import { expect, test } from "vitest";

import { seededRandom } from "../../support/seeded-random.ts";
import type { RowResult } from "../run-row.ts";
import { figureTable, ratioTable, type Column } from "./result-tables.ts";

const columns: readonly Column[] = [
  { name: "native", title: "Ours", role: "ours" },
  { name: "haproxy", title: "HAProxy", role: "peer" },
  { name: "nginx", title: "nginx", role: "peer" },
  { name: "limit", title: "limit", role: "limit" },
];

/** Rounds that are all alike, so that intervals are a point. */
function result(values: Readonly<Record<string, readonly [number, number, number]>>): RowResult {
  return {
    row: {
      name: "load",
      title: "load",
      measures: [
        { key: "cpu", title: "CPU", use: "compared", better: "lower" },
        { key: "rate", title: "rate", use: "compared", better: "higher" },
        { key: "lost", title: "lost", use: "trouble", better: "lower" },
      ],
    },
    samples: new Map(
      Object.entries(values).map(([name, [cpu, rate, lost]]) => [name, [{ cpu, rate, lost }]]),
    ),
  };
}

const whole = result({
  native: [9, 100, 0],
  haproxy: [10, 90, 0],
  nginx: [12, 110, 0],
  limit: [8, 120, 0],
});

test("ratios are against the best peer of each measure, and against the limit, never with the limit as a peer", () => {
  expect(ratioTable(columns, [whole], seededRandom()).split("\n")).toEqual([
    "| load | measure (best peer) | Ours / best peer | Ours / limit |",
    "| --- | --- | ---: | ---: |",
    "| load | CPU (HAProxy) | 0.90 | 1.13 |",
    "| load | rate (nginx) | 0.91 | 0.83 |",
  ]);
});

test("without one of ours there is nothing to compare", () => {
  expect(ratioTable(columns.slice(1), [whole], seededRandom())).toBe("");
});

test("who was not measured in a row has a dash there, and is nobody's best peer", () => {
  const part = result({ native: [9, 100, 0], haproxy: [10, 90, 0] });
  expect(ratioTable(columns, [part], seededRandom())).toContain("| rate (HAProxy) | 1.11 | – |");
  expect(figureTable(columns, [part])).toContain("| load | rate | 100 | 90 | – | – |");
});

test("trouble is shown when there is any", () => {
  expect(figureTable(columns, [whole])).not.toContain("lost");
  const troubled = result({ native: [9, 100, 0], haproxy: [10, 90, 3] });
  expect(figureTable(columns, [troubled])).toContain("| load | lost | 0 | 3 | – | – |");
});
