import fc from "fast-check";
import { expect, test } from "vitest";

import { electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const terms = plainTerms("roundrobin", { isWeighted: true });

function pool(weights: readonly number[]): ReturnType<typeof candidatesOf> {
  return candidatesOf(weights.map((weight, index) => backendOf(`h${100 + index}:1`, { weight })));
}

const someWeights = fc
  .array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 12 })
  .filter((weights) => weights.some((weight) => weight > 0));

test("X-BAL-25 in as many elections as the weights add up to each gets its weight, from any start", () => {
  fc.assert(
    fc.property(someWeights, fc.nat({ max: 1_000 }), (weights, start) => {
      const candidates = pool(weights);
      const sources = electionSources();
      const elector = electing({ terms, candidates, sources });
      elector.names(start);
      const sum = weights.reduce((a, b) => a + b, 0);
      const elected = tally(elector.names(sum));
      const wanted = candidates.filter(({ weight }) => weight > 0);
      expect(elected).toEqual(Object.fromEntries(wanted.map((one) => [one.name, one.weight])));
    }),
  );
});

test("X-BAL-25 the turns are spread: in no stretch is a backend far from its share", () => {
  fc.assert(
    fc.property(someWeights, (weights) => {
      const candidates = pool(weights);
      const sum = weights.reduce((a, b) => a + b, 0);
      const names = electing({ terms, candidates }).names(2 * sum);
      // One election for each bit of a turn's number, and one for where a stretch begins and ends.
      const slack = Math.ceil(Math.log2(sum)) / 2 + 2;
      for (const { name, weight } of candidates) {
        let count = 0;
        for (const [index, elected] of names.entries()) {
          if (elected === name) count += 1;
          expect(Math.abs(count - ((index + 1) * weight) / sum)).toBeLessThanOrEqual(slack);
        }
      }
    }),
  );
});

test("X-BAL-25 weights 3 and 1: the light one is never further than seven turns away", () => {
  const names = electing({ terms, candidates: pool([3, 1]) }).names(400);
  expect(tally(names)).toEqual({ "h100:1": 300, "h101:1": 100 });
  expect(names.join(" ")).not.toContain(Array.from({ length: 7 }, () => "h100:1").join(" "));
});

test("X-BAL-25 huge weights, and none at all", () => {
  const elected = tally(
    electing({ terms, candidates: pool([1_000_000, 999_999, 1]) }).names(20_000),
  );
  expect(Math.abs((elected["h100:1"] ?? 0) - 10_000)).toBeLessThan(30);
  expect(Math.abs((elected["h101:1"] ?? 0) - 10_000)).toBeLessThan(30);
  expect(tally(electing({ terms, candidates: pool([0, 0, 0]) }).names(300))).toEqual({
    "h100:1": 100,
    "h101:1": 100,
    "h102:1": 100,
  });
});

test("two workers that take turns share them as one does", () => {
  const sources = electionSources();
  const candidates = pool([5, 1, 1]);
  const one = electing({ terms, candidates, sources });
  const other = electing({ terms, candidates, sources });
  const names = Array.from({ length: 70 }, (_, index) => (index % 3 === 0 ? one : other).name());
  expect(tally(names)).toEqual({ "h100:1": 50, "h101:1": 10, "h102:1": 10 });
});
