import fc from "fast-check";
import { expect, test } from "vitest";

import { activeBackends } from "../../../node-agent/elect/active-backends.ts";
import { strategyNames } from "../../../node-agent/elect/elect.ts";
import { electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

function pool(priorities: readonly number[]): ReturnType<typeof candidatesOf> {
  return candidatesOf(
    priorities.map((priority, index) => backendOf(`p${priority}-${index}:1`, { priority })),
  );
}

test("X-BAL-27 a backup takes part exactly while fewer than the minimum of lower numbers live", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 10 }),
      (priorities, backupBelow) => {
        const candidates = pool(priorities);
        const active = activeBackends(candidates, backupBelow);
        const wanted = candidates.filter(
          (one) => candidates.filter((other) => other.priority < one.priority).length < backupBelow,
        );
        expect(active).toEqual(wanted);
      },
    ),
  );
});

test("X-BAL-27 backups serve in order, and only below the minimum, with every strategy", () => {
  for (const strategy of strategyNames) {
    const terms = plainTerms(strategy, { backupBelow: 2 });
    const served = (priorities: readonly number[]): readonly string[] =>
      Object.keys(tally(electing({ terms, candidates: pool(priorities) }).names(300))).toSorted();
    expect(served([1, 1, 2, 3])).toEqual(["p1-0:1", "p1-1:1"]);
    expect(served([1, 2, 3])).toEqual(["p1-0:1", "p2-1:1"]);
    expect(served([2, 3])).toEqual(["p2-0:1", "p3-1:1"]);
    expect(served([3])).toEqual(["p3-0:1"]);
  }
});

test("X-BAL-27 primaries that live and are full call no backup", () => {
  const candidates = pool([1, 2]).map((one) => ({ ...one, maxConnections: 1 }));
  const sources = electionSources();
  sources.connections.set(0, 1);
  const terms = plainTerms("roundrobin", { backupBelow: 1 });
  expect(electing({ terms, candidates, sources }).name()).toBe("all-full");
});

test("F-BAL-08 negative priorities are nobody's backup", () => {
  expect(activeBackends(pool([-1, -1]), 1)).toEqual([]);
});
