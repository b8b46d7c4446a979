import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { ElectionTerms } from "../../../node-agent/elect/elect.ts";
import { clientAt, electing, electionSources, nameOf } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";
import { seededRandom } from "../../support/seeded-random.ts";

/** What every strategy promises, with whatever options. */
export function electorContract(terms: ElectionTerms): void {
  const backends = ["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name));
  const limited = (maxConnections: number) =>
    candidatesOf(backends.map((one) => ({ ...one, maxConnections })));

  describe(`every strategy: ${described(terms)}`, () => {
    test("F-BAL-07 a single candidate is elected, also with weight 0", () => {
      const candidates = candidatesOf([backendOf("a:1", { weight: 0 })]);
      expect(electing({ terms, candidates }).name()).toBe("a:1");
    });

    test("X-BAL-28 nobody there, and nobody untried, is not the same as everybody full", () => {
      const candidates = limited(2);
      const tried = candidates.map((candidate) => candidate.name);
      const full = electionSources({ inUse: () => 2 });
      expect(electing({ terms, candidates: [] }).elect()).toEqual({ kind: "none-live" });
      expect(electing({ terms, candidates }).elect({ tried })).toEqual({ kind: "none-live" });
      expect(electing({ terms, candidates, sources: full }).elect()).toEqual({ kind: "all-full" });
    });

    test("F-BAL-19 a backend at its limit is passed over", () => {
      const candidates = limited(10);
      const free = candidates.find(({ name }) => name === "c:1")?.slot.index;
      const sources = electionSources({ inUse: (slot) => (slot === free ? 9 : 10) });
      const names = electing({ terms, candidates, sources }).names(50);
      expect(new Set(names)).toEqual(new Set(["c:1"]));
    });

    test("F-BAL-20 limit 0 is no limit", () => {
      const sources = electionSources({ inUse: () => 1_000_000 });
      expect(electing({ terms, candidates: limited(0), sources }).elect().kind).toBe("chosen");
    });

    test("what was tried is not elected again", () => {
      const elector = electing({ terms, candidates: candidatesOf(backends) });
      for (let round = 0; round < 50; round += 1) {
        const name = elector.name({ client: clientAt(round), tried: ["a:1", "c:1"] });
        expect(name).toMatch(/^[bd]:1$/);
      }
    });

    test("F-BAL-12 equal backends all get their turn within 50 clients", () => {
      const names = electing({ terms, candidates: candidatesOf(backends) }).names(50);
      expect(new Set(names)).toEqual(new Set(["a:1", "b:1", "c:1", "d:1"]));
    });

    test("somebody is elected while anybody may be, and nobody who may not", () => {
      fc.assert(
        fc.property(manyBackends, fc.nat(), (given, seed) => {
          const random = seededRandom(seed);
          const candidates = candidatesOf(given.map(({ backend }) => backend));
          const loads = new Map(given.map(({ backend, load }) => [`${backend.host}:1`, load]));
          const loadOf = candidates.map(({ name }) => loads.get(name) ?? 0);
          const sources = electionSources({ random, inUse: (slot) => loadOf[slot] ?? 0 });
          const tried = given.flatMap((one) => (one.isTried ? [`${one.backend.host}:1`] : []));
          const open = candidates
            .filter((one) => !tried.includes(one.name) && isActive(terms, one, candidates))
            .filter(
              (one) => one.maxConnections === 0 || (loads.get(one.name) ?? 0) < one.maxConnections,
            )
            .map(({ name }) => name);
          const elector = electing({ terms, candidates, sources });
          const election = elector.elect({ client: clientAt(seed), tried });
          if (open.length > 0) expect(open).toContain(nameOf(election));
          else expect(election.kind).not.toBe("chosen");
        }),
      );
    });

    test("F-BAL-19 limits hold over any series of clients that come and go", () => {
      fc.assert(
        fc.property(manyBackends, fc.array(fc.nat(), { maxLength: 200 }), (given, steps) => {
          const candidates = candidatesOf(given.map(({ backend }) => backend));
          const sources = electionSources();
          const elector = electing({ terms, candidates, sources });
          for (const step of steps) {
            const election = elector.elect({ client: clientAt(step) });
            if (election.kind === "chosen") {
              add(sources.connections, election.candidate.slot.index, 1);
            }
            if (step % 3 === 0) leave(sources.connections, step);
            for (const { slot, maxConnections } of candidates) {
              const held = sources.connections.get(slot.index) ?? 0;
              if (maxConnections > 0) expect(held).toBeLessThanOrEqual(maxConnections);
            }
          }
        }),
      );
    });
  });
}

const manyBackends = fc
  .uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 20 })
  .chain((hosts) =>
    fc.tuple(
      ...hosts.map((host) =>
        fc.record({
          backend: fc
            .record({
              weight: fc.integer({ min: 0, max: 5 }),
              priority: fc.integer({ min: 0, max: 2 }),
              maxConnections: fc.integer({ min: 0, max: 3 }),
            })
            .map((fields) => backendOf(`h${host}:1`, fields)),
          load: fc.integer({ min: 0, max: 4 }),
          isTried: fc.boolean(),
        }),
      ),
    ),
  );

/** Whether backups let it take part, written as the definition says it. */
function isActive(
  { backupBelow }: ElectionTerms,
  { priority }: { readonly priority: number },
  all: readonly { readonly priority: number }[],
): boolean {
  return backupBelow === 0 || all.filter((other) => other.priority < priority).length < backupBelow;
}

function add(counts: Map<number, number>, key: number, change: number): void {
  counts.set(key, (counts.get(key) ?? 0) + change);
}

/** Some connection ends. */
function leave(connections: Map<number, number>, step: number): void {
  const held = [...connections].filter(([, count]) => count > 0);
  const [slot] = held[step % Math.max(1, held.length)] ?? [];
  if (slot !== undefined) add(connections, slot, -1);
}

function described(terms: ElectionTerms): string {
  const { strategy, ...options } = terms;
  const given = Object.entries(options).filter(([, value]) => value !== 0 && value !== false);
  return [strategy, ...given.map(([key, value]) => `${key}=${String(value)}`)].join(" ");
}
