import { expect, test } from "vitest";

import { electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const terms = plainTerms("leastbandwidth");

test("F-BAL-13 the backend with the lowest rate is elected, until the next measurement", () => {
  const candidates = candidatesOf(["a:1", "b:1", "c:1"].map((name) => backendOf(name)));
  const sources = electionSources();
  sources.rates.set(0, 500).set(1, 20).set(2, 300);
  const elector = electing({ terms, candidates, sources });
  expect(tally(elector.names(20))).toEqual({ "b:1": 20 });

  sources.rates.set(1, 1_000);
  expect(tally(elector.names(20))).toEqual({ "b:1": 20 });

  sources.measurementValue += 1;
  expect(tally(elector.names(20))).toEqual({ "c:1": 20 });
});

test("F-BAL-12 equals share; the next lowest serves when they are full", () => {
  const candidates = candidatesOf(
    ["a:1", "b:1", "c:1"].map((name) => backendOf(name, { maxConnections: 1 })),
  );
  const sources = electionSources();
  sources.rates.set(1, 7);
  const elector = electing({ terms, candidates, sources });
  const elected = tally(elector.names(1_000));
  expect(Math.abs((elected["a:1"] ?? 0) - 500)).toBeLessThan(70);
  expect(elected["b:1"]).toBeUndefined();

  sources.connections.set(0, 1).set(2, 1);
  expect(elector.name()).toBe("b:1");
});
