import { describe, expect, test } from "vitest";

import { createElector, type ElectionTerms } from "../../../node-agent/elect/elect.ts";
import { clientAt, electionSources, plainTerms } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const few = 10;
const many = 1_000;

function pool(count: number, maxConnections = 0): ReturnType<typeof candidatesOf> {
  return candidatesOf(
    Array.from({ length: count }, (_, index) =>
      backendOf(`10.0.${index >> 8}.${index & 255}:80`, {
        weight: 1 + (index % 9),
        maxConnections,
      }),
    ),
  );
}

/** Shared numbers that one election of 1,000 backends reads, at most, over many clients. */
function readsOf(terms: ElectionTerms, maxConnections: number): number {
  let reads = 0;
  const sources = electionSources({
    inUse: () => {
      reads += 1;
      return 0;
    },
    readInUse: (slots, into) => {
      reads += slots.length;
      into.fill(0);
    },
    rate: () => 0,
  });
  const elector = createElector({ terms, candidates: pool(many, maxConnections), sources });
  let most = 0;
  for (let index = 0; index < 500; index += 1) {
    reads = 0;
    elector.elect(clientAt(index), []);
    most = Math.max(most, reads);
  }
  return most;
}

describe("X-BAL-30 the documented bound of an election among 1,000 backends", () => {
  test("shared numbers read: none or one, and of all backends where the definition asks for all", () => {
    for (const strategy of [
      "weight",
      "roundrobin",
      "leastbandwidth",
      "iphash",
      "iphash1",
    ] as const) {
      expect([strategy, readsOf(plainTerms(strategy), 0)]).toEqual([strategy, 0]);
    }
    for (const strategy of ["weight", "roundrobin", "leastbandwidth", "iphash1"] as const) {
      expect([strategy, readsOf(plainTerms(strategy), 100)]).toEqual([strategy, 1]);
    }
    expect(readsOf(plainTerms("iphash"), 100)).toBe(many);
    for (const limit of [0, 100]) {
      expect(readsOf(plainTerms("leastconn"), limit)).toBe(many);
      expect(readsOf(plainTerms("leastconn", { isWeighted: true }), limit)).toBe(many);
    }
    expect(readsOf(plainTerms("iphash1", { maxLoadPercent: 125 }), 0)).toBeLessThanOrEqual(
      many + 1,
    );
  });

  test.each([
    ...(["weight", "roundrobin", "leastbandwidth", "iphash"] as const).map((one) =>
      plainTerms(one),
    ),
    plainTerms("roundrobin", { isWeighted: true }),
  ])(
    "$strategy (weighted $isWeighted): a hundred times the backends, at most 15 times the time",
    (terms) => {
      const [short, long] = [secondsOf(terms, few), secondsOf(terms, many)];
      expect(long / short).toBeLessThan(15);
    },
  );
});

/** Time on a core for many elections; the best of some rounds, the first of which warm up. */
function secondsOf(terms: ElectionTerms, count: number): number {
  const elector = createElector({ terms, candidates: pool(count), sources: electionSources() });
  const clients = Array.from({ length: 256 }, (_, index) => clientAt(index));
  const rounds = Array.from({ length: 8 }, () => {
    const before = process.cpuUsage();
    for (let turn = 0; turn < 100; turn += 1) {
      for (const client of clients) elector.elect(client, []);
    }
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.max(1, Math.min(...rounds));
}
