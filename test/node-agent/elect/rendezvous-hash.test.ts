import fc from "fast-check";
import { expect, test } from "vitest";

import type { Candidate } from "../../../node-agent/pool/pool-view.ts";
import { clientAt, electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const terms = plainTerms("iphash1");

const clients = 2_000;

/** Where each of many clients goes, asked twice: answers that are kept are the same answers. */
function homes(candidates: readonly Candidate[]): readonly string[] {
  const elector = electing({ terms, candidates });
  const first = elector.names(clients);
  expect(elector.names(clients)).toEqual(first);
  return first;
}

const hosts = fc.uniqueArray(fc.integer({ min: 1, max: 250 }), { minLength: 2, maxLength: 60 });

function pool(numbers: readonly number[]): readonly Candidate[] {
  return candidatesOf(numbers.map((number) => backendOf(`10.0.0.${number}:8080`)));
}

test("the winner has the highest FNV-1a of the address and then host:port", () => {
  const candidates = pool([1, 2, 3, 40, 50]);
  const elected = homes(candidates);
  for (let index = 0; index < 100; index += 1) {
    const hashes = candidates.map(({ name }) =>
      [...clientAt(index).address, ...Buffer.from(name)].reduce(
        (hash, byte) => ((hash ^ BigInt(byte)) * 16_777_619n) % 2n ** 32n,
        2_166_136_261n,
      ),
    );
    const highest = hashes.reduce((best, hash) => (hash > best ? hash : best));
    expect(elected[index]).toBe(candidates[hashes.indexOf(highest)]?.name);
  }
});

test("F-BAL-16 removing one of N moves its clients only; F-BAL-17 bringing it back moves only those back", () => {
  fc.assert(
    fc.property(hosts, fc.nat(), (numbers, pick) => {
      const gone = numbers[pick % numbers.length];
      const name = `10.0.0.${gone}:8080`;
      const before = homes(pool(numbers));
      const without = homes(pool(numbers.filter((number) => number !== gone)));
      const back = homes(pool(numbers));
      for (const [index, home] of before.entries()) {
        if (home === name) expect(without[index]).not.toBe(name);
        else expect(without[index]).toBe(home);
      }
      expect(back).toEqual(before);
    }),
    { numRuns: 15 },
  );
});

test("F-BAL-16 a backend that is full sends its clients to their second choice, nobody else's", () => {
  const limited = pool([1, 2, 3, 4, 5]).map((one) => ({ ...one, maxConnections: 10 }));
  const sources = electionSources();
  const elector = electing({ terms, candidates: limited, sources });
  const before = elector.names(clients);
  sources.connections.set(2, 10);
  const full = limited[2]?.name;
  const after = elector.names(clients);
  const without = homes(limited.filter(({ name }) => name !== full));
  for (const [index, home] of before.entries()) {
    expect(after[index]).toBe(home === full ? without[index] : home);
  }
});

test("F-BAL-18 adding one to N moves about 1/(N+1) of the clients, all of them to it", () => {
  for (const count of [4, 9, 19]) {
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const before = homes(pool(numbers));
    const after = homes(pool([...numbers, 200]));
    const moved = after.filter((home, index) => home !== before[index]);
    expect(new Set(moved)).toEqual(new Set(["10.0.0.200:8080"]));
    const share = moved.length / clients;
    expect(share).toBeGreaterThan(0.5 / (count + 1));
    expect(share).toBeLessThan(2 / (count + 1));
  }
});

test("X-BAL-26 bounded load: nobody holds more than the bound, and clients below it stay at home", () => {
  fc.assert(
    fc.property(hosts, fc.constantFrom(110, 150, 200), (numbers, maxLoadPercent) => {
      const candidates = pool(numbers);
      const bounded = plainTerms("iphash1", { maxLoadPercent });
      const sources = electionSources();
      const elector = electing({ terms: bounded, candidates, sources });
      const free = homes(candidates);
      for (let index = 0; index < 500; index += 1) {
        const bound = Math.ceil(((index + 1) * maxLoadPercent) / (100 * candidates.length));
        const home = candidates.find(({ name }) => name === free[index])?.slot.index ?? -1;
        const election = elector.elect({ client: clientAt(index) });
        if (election.kind !== "chosen") throw new Error(election.kind);
        const { slot, name } = election.candidate;
        if ((sources.connections.get(home) ?? 0) < bound) expect(name).toBe(free[index]);
        const load = (sources.connections.get(slot.index) ?? 0) + 1;
        expect(load).toBeLessThanOrEqual(bound);
        sources.connections.set(slot.index, load);
      }
    }),
    { numRuns: 15 },
  );
});

test("every backend of a hundred gets clients", () => {
  const candidates = pool(Array.from({ length: 100 }, (_, index) => index + 1));
  const elected = tally(electing({ terms, candidates }).names(20_000));
  expect(Object.keys(elected)).toHaveLength(100);
});
