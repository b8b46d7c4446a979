import { expect, test } from "vitest";

import { elect } from "../../../node-agent/elect/elect.ts";
import type { Candidate } from "../../../node-agent/pool/pool-view.ts";
import { electionSources } from "../../contracts/elector/elector-contract.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

/** How often each backend is elected. */
function draws(candidates: readonly Candidate[], count: number): Record<string, number> {
  const sources = electionSources();
  const elected: Record<string, number> = {};
  for (let draw = 0; draw < count; draw += 1) {
    const election = elect({ strategy: "weight", candidates, tried: [], sources });
    const name = election.kind === "chosen" ? election.candidate.name : election.kind;
    elected[name] = (elected[name] ?? 0) + 1;
  }
  return elected;
}

test("F-BAL-02 weights 20/15/25/40 get their shares within half a point over a million draws", () => {
  const weights = { "a:1": 20, "b:1": 15, "c:1": 25, "d:1": 40 };
  const backends = Object.entries(weights).map(([name, weight]) => backendOf(name, { weight }));
  const lower = backendOf("z:1", { weight: 100, priority: 2 });

  const elected = draws(candidatesOf([...backends, lower]), 1_000_000);

  for (const [name, weight] of Object.entries(weights)) {
    expect(Math.abs((elected[name] ?? 0) / 10_000 - weight)).toBeLessThan(0.5);
  }
  expect(elected["z:1"]).toBeUndefined();
});

test("F-BAL-03 only the lowest numbered priority is elected while it has candidates", () => {
  const first = [backendOf("a:1", { priority: 0 }), backendOf("b:1", { priority: 0 })];
  const second = [backendOf("c:1", { priority: 1, weight: 1_000 })];
  expect(Object.keys(draws(candidatesOf([...second, ...first]), 1_000))).toEqual(
    expect.arrayContaining(["a:1", "b:1"]),
  );
  expect(draws(candidatesOf([...second, ...first]), 1_000)["c:1"]).toBeUndefined();
  expect(draws(candidatesOf(second), 10)).toEqual({ "c:1": 10 });
});

test("F-BAL-03 a lower numbered priority that is full gives way to the next", () => {
  const full = backendOf("a:1", { priority: 0, maxConnections: 1 });
  const candidates = candidatesOf([full, backendOf("b:1", { priority: 1 })]);
  const sources = { ...electionSources(), inUse: () => 1 };
  expect(elect({ strategy: "weight", candidates, tried: [], sources })).toMatchObject({
    candidate: { name: "b:1" },
  });
});

test("F-BAL-05 all weights zero: every member is elected, and uniformly", () => {
  const backends = ["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name, { weight: 0 }));
  const elected = draws(candidatesOf(backends), 100_000);
  expect(Object.keys(elected)).toHaveLength(4);
  for (const count of Object.values(elected)) expect(Math.abs(count / 1_000 - 25)).toBeLessThan(1);
});

test("F-BAL-06 a zero weight beside a positive one gets nothing", () => {
  const backends = [backendOf("a:1", { weight: 0 }), backendOf("b:1", { weight: 1 })];
  expect(draws(candidatesOf(backends), 100_000)).toEqual({ "b:1": 100_000 });
});

test("F-BAL-08 negative weights and priorities are never elected; only such are no backend", () => {
  const negative = [backendOf("a:1", { weight: -1 }), backendOf("b:1", { priority: -1 })];
  expect(draws(candidatesOf([...negative, backendOf("c:1")]), 1_000)).toEqual({ "c:1": 1_000 });
  expect(draws(candidatesOf(negative), 3)).toEqual({ "none-live": 3 });
});

test("F-BAL-07 one candidate of weight 0 is elected beside a higher numbered priority", () => {
  const backends = [backendOf("a:1", { weight: 0 }), backendOf("b:1", { priority: 2 })];
  expect(draws(candidatesOf(backends), 100)).toEqual({ "a:1": 100 });
});
