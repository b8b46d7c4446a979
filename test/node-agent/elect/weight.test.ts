import { expect, test } from "vitest";

import type { Candidate } from "../../../node-agent/pool/pool-view.ts";
import { electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const terms = plainTerms("weight");

/** How often each backend is elected. */
function draws(candidates: readonly Candidate[], count: number): Readonly<Record<string, number>> {
  return tally(electing({ terms, candidates }).names(count));
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
  const sources = electionSources({ inUse: () => 1 });
  expect(electing({ terms, candidates, sources }).name()).toBe("b:1");
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

test("with a part of them full the others keep their shares", () => {
  const weights = { "a:1": 1, "b:1": 97, "c:1": 2 };
  const candidates = candidatesOf(
    Object.entries(weights).map(([name, weight]) => backendOf(name, { weight, maxConnections: 1 })),
  );
  const full = candidates.find(({ name }) => name === "b:1")?.slot.index ?? -1;
  const sources = electionSources();
  sources.connections.set(full, 1);
  const elected = tally(electing({ terms, candidates, sources }).names(30_000));
  expect(elected["b:1"]).toBeUndefined();
  expect(Math.abs((elected["c:1"] ?? 0) / 300 - 66.7)).toBeLessThan(1.5);
});

test("F-BAL-05 weights that are full leave the weightless as if all were zero", () => {
  const candidates = candidatesOf([
    backendOf("a:1", { weight: 5, maxConnections: 1 }),
    backendOf("b:1", { weight: 0 }),
    backendOf("c:1", { weight: 0 }),
  ]);
  const sources = electionSources();
  sources.connections.set(0, 1);
  const elected = tally(electing({ terms, candidates, sources }).names(10_000));
  expect(Math.abs((elected["b:1"] ?? 0) / 100 - 50)).toBeLessThan(3);
  expect(elected["a:1"]).toBeUndefined();
});
