import fc from "fast-check";
import { expect, test } from "vitest";

import { electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const terms = plainTerms("leastconn");
const weighted = plainTerms("leastconn", { isWeighted: true });

test("F-BAL-11 a new connection goes to a backend with the fewest", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 50 }), (loads) => {
      const candidates = candidatesOf(loads.map((_, index) => backendOf(`h${index}:1`)));
      const sources = electionSources({ inUse: (slot) => loads[slot] ?? 0 });
      const election = electing({ terms, candidates, sources }).elect();
      if (election.kind !== "chosen") throw new Error(election.kind);
      expect(loads[election.candidate.slot.index]).toBe(Math.min(...loads));
    }),
  );
});

test("F-BAL-11 weights and priorities are ignored", () => {
  const candidates = candidatesOf([
    backendOf("a:1", { weight: 1_000, priority: 0 }),
    backendOf("b:1", { weight: 0, priority: 9 }),
  ]);
  const sources = electionSources({ inUse: (slot) => (slot === 0 ? 1 : 0) });
  expect(electing({ terms, candidates, sources }).name()).toBe("b:1");
});

test("F-BAL-12 ties spread evenly", () => {
  const candidates = candidatesOf(["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name)));
  const sources = electionSources({ inUse: (slot) => (slot === 3 ? 1 : 0) });
  const elected = tally(electing({ terms, candidates, sources }).names(30_000));
  expect(Object.keys(elected).toSorted()).toEqual(["a:1", "b:1", "c:1"]);
  for (const count of Object.values(elected)) expect(Math.abs(count - 10_000)).toBeLessThan(400);
});

test("X-BAL-24 a place counts from the election on: 100 in a row over 4 backends are 25 each", () => {
  const candidates = candidatesOf(["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name)));
  expect(Object.values(filled(candidates, terms, 100))).toEqual([25, 25, 25, 25]);
});

test("X-BAL-25 weighted: connections that stay are in proportion to the weights", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
      (given) => {
        const candidates = candidatesOf(
          given.map((weight, index) => backendOf(`h${index}:1`, { weight })),
        );
        const sum = given.reduce((a, b) => a + b, 0);
        const loads = filled(candidates, weighted, 10 * sum);
        for (const { name, weight } of candidates) {
          expect(Math.abs((loads[name] ?? 0) - 10 * weight)).toBeLessThanOrEqual(1);
        }
      },
    ),
  );
});

test("X-BAL-25 weighted: weight 0 gets nothing while another has weight, and its turn when none has", () => {
  const weights = { "a:1": 0, "b:1": 1, "c:1": 0 };
  const backends = Object.entries(weights).map(([name, weight]) => backendOf(name, { weight }));
  expect(filled(candidatesOf(backends), weighted, 50)).toEqual({ "b:1": 50 });
  const weightless = candidatesOf(backends.filter(({ weight }) => weight === 0));
  expect(Object.keys(filled(weightless, weighted, 50)).toSorted()).toEqual(["a:1", "c:1"]);
});

/** Connections by backend after so many elections, none of which ended. */
function filled(
  candidates: ReturnType<typeof candidatesOf>,
  by: typeof terms,
  count: number,
): Readonly<Record<string, number>> {
  const sources = electionSources();
  const elector = electing({ terms: by, candidates, sources });
  return tally(
    Array.from({ length: count }, () => {
      const election = elector.elect();
      if (election.kind !== "chosen") return election.kind;
      const { index } = election.candidate.slot;
      sources.connections.set(index, (sources.connections.get(index) ?? 0) + 1);
      return election.candidate.name;
    }),
  );
}
