import { describe, expect, test } from "vitest";

import { elect, type StrategyName } from "../../../node-agent/elect/elect.ts";
import type { ElectionSources } from "../../../node-agent/elect/strategy.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";
import { seededRandom } from "../../support/seeded-random.ts";

/** What every strategy promises. */
export function electorContract(strategy: StrategyName): void {
  const backends = ["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name));
  const run = (
    candidates: ReturnType<typeof candidatesOf>,
    given: { tried?: readonly string[]; sources?: Partial<ElectionSources> } = {},
  ): ReturnType<typeof elect> => {
    const sources = { ...electionSources(), ...given.sources };
    return elect({ strategy, candidates, tried: given.tried ?? [], sources });
  };

  describe(`every strategy: ${strategy}`, () => {
    test("F-BAL-07 a single candidate is elected, also with weight 0", () => {
      const alone = candidatesOf([backendOf("a:1", { weight: 0 })]);
      expect(run(alone)).toMatchObject({ kind: "chosen", candidate: { name: "a:1" } });
    });

    test("X-BAL-28 nobody there, and nobody untried, is not the same as everybody full", () => {
      const candidates = candidatesOf(backends.map((one) => ({ ...one, maxConnections: 2 })));
      const tried = candidates.map((candidate) => candidate.name);
      expect(run([])).toEqual({ kind: "none-live" });
      expect(run(candidates, { tried })).toEqual({ kind: "none-live" });
      expect(run(candidates, { sources: { inUse: () => 2 } })).toEqual({ kind: "all-full" });
    });

    test("F-BAL-19 a backend at its limit is passed over", () => {
      const candidates = candidatesOf(backends.map((one) => ({ ...one, maxConnections: 10 })));
      const sources = {
        ...electionSources(),
        inUse: ({ name }: { name: string }) => (name === "c:1" ? 9 : 10),
      };
      for (let round = 0; round < 20; round += 1) {
        expect(run(candidates, { sources })).toMatchObject({ candidate: { name: "c:1" } });
      }
    });

    test("F-BAL-20 limit 0 is no limit", () => {
      const sources = { ...electionSources(), inUse: () => 1_000_000 };
      expect(run(candidatesOf(backends), { sources }).kind).toBe("chosen");
    });

    test("what was tried is not elected again", () => {
      const candidates = candidatesOf(backends);
      const sources = electionSources();
      for (let round = 0; round < 50; round += 1) {
        const election = run(candidates, { tried: ["a:1", "c:1"], sources });
        expect(election).toMatchObject({ candidate: { name: expect.stringMatching(/^[bd]:1$/) } });
      }
    });

    test("equal backends all get their turn", () => {
      const candidates = candidatesOf(backends);
      const sources = electionSources();
      const elected = new Set(
        Array.from({ length: 50 }, () => {
          const election = run(candidates, { sources });
          return election.kind === "chosen" ? election.candidate.name : election.kind;
        }),
      );
      expect(elected).toEqual(new Set(["a:1", "b:1", "c:1", "d:1"]));
    });
  });
}

/** Sources of one election after the other: the cursor moves on. */
export function electionSources(): ElectionSources {
  let place = 0;
  return {
    random: seededRandom(),
    inUse: () => 0,
    cursor: {
      read: () => place,
      move: (from, to) => {
        if (from !== place) return false;
        place = to;
        return true;
      },
    },
  };
}
