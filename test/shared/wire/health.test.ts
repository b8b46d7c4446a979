import { expect, test } from "vitest";

import { healthResultSchema } from "#shared/wire/health.ts";

const source = {
  ...{
    pointer: "/discovery",
    kind: "consul",
    state: "failing",
    watched: null,
    backends: 1,
    skipped: 0,
  },
  ...{ lastSuccessMs: 5, lastFailure: null, lastDurationMs: 1, fetches: 2, failures: 1 },
};
const resultOf = (one: object) => ({ backends: [], unlisted: 0, sources: [one] });

test("an answer of an agent that does not count by reason is understood", () => {
  const older = { backends: [], unlisted: 0, sources: [] };
  expect(healthResultSchema.parse(older).unserved).toBeNull();
  const unserved = { turnedAway: { "a-new-reason": 1 }, sessionsEvicted: 0, datagramsDropped: {} };
  expect(healthResultSchema.parse({ ...older, unserved }).unserved).toEqual(unserved);
});

test("an answer of an agent that remembers nothing is understood, and so is one that says more than is known", () => {
  const older = healthResultSchema.parse(resultOf(source));
  expect(older.sources).toEqual([{ ...source, rememberedMs: null }]);
  const newer = healthResultSchema.parse(resultOf({ ...source, rememberedMs: 5, alsoMs: 6 }));
  expect(newer.sources).toEqual([{ ...source, rememberedMs: 5 }]);
});
