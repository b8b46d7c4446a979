import { describe, expect, test } from "vitest";

import { strategyNames } from "../../../node-agent/elect/elect.ts";
import type { Candidate } from "../../../node-agent/pool/pool-view.ts";
import { clientAt, electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

/** Four backends, the last of which is back since second 100. */
function pool(): readonly Candidate[] {
  const steady = candidatesOf(["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name)));
  return steady.map((one) => (one.name === "d:1" ? { ...one, liveSinceMs: 100_000 } : one));
}

describe.each(["weight", "roundrobin"] as const)("%s", (strategy) => {
  test("X-BAL-29 a recovered backend's share grows evenly to the full one", () => {
    const terms = plainTerms(strategy, { slowStartMs: 10_000 });
    const sources = electionSources();
    const elector = electing({ terms, candidates: pool(), sources });
    const shareAt = (ms: number): number => {
      sources.nowMsValue = 100_000 + ms;
      return (tally(elector.names(20_000))["d:1"] ?? 0) / 20_000;
    };
    // Its part of the whole is that of a quarter, half … of a backend beside three whole ones.
    expect(shareAt(0)).toBeLessThan(0.01);
    expect(shareAt(2_500)).toBeCloseTo(0.25 / 3.25, 1);
    expect(Math.abs(shareAt(2_500) - 0.25 / 3.25)).toBeLessThan(0.02);
    expect(Math.abs(shareAt(5_000) - 0.5 / 3.5)).toBeLessThan(0.02);
    expect(Math.abs(shareAt(7_500) - 0.75 / 3.75)).toBeLessThan(0.02);
    expect(Math.abs(shareAt(10_000) - 0.25)).toBeLessThan(0.02);
    expect(Math.abs(shareAt(90_000) - 0.25)).toBeLessThan(0.02);
  });
});

test("X-BAL-29 leastconn: an empty backend that is back fills up slowly instead of at once", () => {
  const terms = plainTerms("leastconn", { slowStartMs: 10_000 });
  const sources = electionSources();
  sources.connections.set(0, 100).set(1, 100).set(2, 100).set(3, 0);
  const elector = electing({ terms, candidates: pool(), sources });
  const elect = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      const election = elector.elect();
      if (election.kind !== "chosen") throw new Error(election.kind);
      const { index: slot } = election.candidate.slot;
      sources.connections.set(slot, (sources.connections.get(slot) ?? 0) + 1);
    }
  };
  sources.nowMsValue = 101_000;
  elect(50);
  expect(sources.connections.get(3)).toBeLessThanOrEqual(12);
  sources.nowMsValue = 105_000;
  elect(100);
  expect(sources.connections.get(3)).toBeLessThanOrEqual(75);
  sources.nowMsValue = 110_000;
  elect(300);
  const loads = [0, 1, 2, 3].map((slot) => sources.connections.get(slot) ?? 0);
  expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
});

test("X-BAL-29 leastbandwidth: an idle backend that is back gets no more than its part", () => {
  const terms = plainTerms("leastbandwidth", { slowStartMs: 10_000 });
  const sources = electionSources();
  sources.rates.set(0, 10).set(1, 10).set(2, 10);
  const elector = electing({ terms, candidates: pool(), sources });
  for (const [ms, share] of [
    [0, 0.01],
    [2_000, 0.2],
    [8_000, 0.8],
    [10_000, 1],
  ] as const) {
    sources.nowMsValue = 100_000 + ms;
    const elected = tally(elector.names(5_000))["d:1"] ?? 0;
    expect(Math.abs(elected / 5_000 - share)).toBeLessThan(0.03);
  }
});

test("X-BAL-29 iphash and iphash1: clients move over one by one, and each of them once", () => {
  for (const strategy of ["iphash", "iphash1"] as const) {
    const terms = plainTerms(strategy, { slowStartMs: 10_000 });
    const sources = electionSources();
    const elector = electing({ terms, candidates: pool(), sources });
    const steady = electing({ terms: plainTerms(strategy), candidates: pool() });
    const without = electing({ terms: plainTerms(strategy), candidates: pool().slice(0, 3) });
    let movedBefore = 0;
    const changes = new Map<number, number>();
    const last = new Map<number, string>();
    for (const ms of [0, 2_500, 5_000, 7_500, 10_000]) {
      sources.nowMsValue = 100_000 + ms;
      const names = elector.names(2_000);
      for (const [index, name] of names.entries()) {
        const client = clientAt(index);
        expect([steady.name({ client }), without.name({ client })]).toContain(name);
        if (ms > 0 && last.get(index) !== name) changes.set(index, (changes.get(index) ?? 0) + 1);
        last.set(index, name);
      }
      const moved = names.filter((name) => name === "d:1").length;
      expect(moved).toBeGreaterThanOrEqual(movedBefore);
      movedBefore = moved;
    }
    expect(Math.max(...changes.values())).toBe(1);
    expect(elector.names(2_000)).toEqual(steady.names(2_000));
  }
});

test("X-BAL-29 alone it is elected at once, with every strategy", () => {
  for (const strategy of strategyNames) {
    const sources = electionSources();
    sources.nowMsValue = 100_000;
    const terms = plainTerms(strategy, { slowStartMs: 10_000 });
    const candidates = pool().filter(({ name }) => name === "d:1");
    expect(tally(electing({ terms, candidates, sources }).names(20))).toEqual({ "d:1": 20 });
  }
});
