import fc from "fast-check";
import { expect, test } from "vitest";

import type { ElectingClient } from "../../../node-agent/elect/strategy.ts";
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

test("the winner has the highest spread FNV-1a of the address and then host:port", () => {
  const candidates = pool([1, 2, 3, 40, 50]);
  const elected = homes(candidates);
  for (let index = 0; index < 100; index += 1) {
    const hashes = candidates.map(({ name }) => {
      const bytes = [...clientAt(index).address, ...Buffer.from(name)];
      return spreadOf(
        bytes.reduce(
          (hash, byte) => ((hash ^ BigInt(byte)) * 16_777_619n) % 2n ** 32n,
          2_166_136_261n,
        ),
      );
    });
    const highest = hashes.reduce((best, hash) => (hash > best ? hash : best));
    expect(elected[index]).toBe(candidates[hashes.indexOf(highest)]?.name);
  }
});

/** The end of MurmurHash3, of 32 bits. */
function spreadOf(hash: bigint): bigint {
  const first = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) % 2n ** 32n;
  const second = ((first ^ (first >> 13n)) * 0xc2b2ae35n) % 2n ** 32n;
  return second ^ (second >> 16n);
}

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

/** Names as backends have them: neighbours, which differ in a digit or two. */
const families: Readonly<Record<string, (number: number) => string>> = {
  "neighbouring ports": (number) => `127.0.0.1:${22_000 + number}`,
  "neighbouring IPv4 addresses": (number) => `10.0.0.${number}:8080`,
  "neighbouring IPv6 addresses": (number) => `2001:db8::${number.toString(16)}:443`,
  "numbered hosts": (number) => `web-${number}.example.org:80`,
  "numbered hosts of two digits": (number) => `web${10 + number}:80`,
};

/** So many that a thirteenth of them is within 30 % of its expectation, six deviations away. */
const many = 6_000;

/** Clients of one network, one address after the other. */
function neighboursFrom(network: number): (index: number) => ElectingClient {
  return (index) => ({
    address: Uint8Array.of(10, network, index >>> 8, index & 255),
    port: 40_000,
  });
}

const crowds = fc.record({
  nameOf: fc.constantFrom(...Object.values(families)),
  first: fc.integer({ min: 1, max: 80 }),
  count: fc.integer({ min: 1, max: 12 }),
  clientOf: fc.oneof(
    fc.constant(clientAt),
    fc.integer({ min: 0, max: 255 }).map((network) => neighboursFrom(network)),
  ),
});

function expectShare(count: number, share: number): void {
  expect(count / (share * many)).toBeGreaterThan(0.7);
  expect(count / (share * many)).toBeLessThan(1.3);
}

test("F-BAL-18 adding one to N moves about 1/(N+1) of the clients, all of them to it", () => {
  fc.assert(
    fc.property(crowds, fc.nat(), ({ nameOf: named, first, count, clientOf }, pick) => {
      const numbers = Array.from({ length: count + 1 }, (_, index) => first + index);
      const added = first + (pick % numbers.length);
      const others = numbers.filter((number) => number !== added);
      const before = homesOf(family(named, others), clientOf);
      const after = homesOf(family(named, numbers), clientOf);
      const moved = after.filter((home, index) => home !== before[index]);
      expect(new Set(moved)).toEqual(new Set(family(named, [added]).map(({ name }) => name)));
      expectShare(moved.length, 1 / (count + 1));
    }),
    { numRuns: 25 },
  );
});

test("clients are spread evenly, whatever the names of the backends", () => {
  for (const named of Object.values(families)) {
    for (const count of [2, 3, 4, 5, 8, 13]) {
      const numbers = Array.from({ length: count }, (_, index) => index + 1);
      const candidates = family(named, numbers);
      const clientsOf = tally(homesOf(candidates, neighboursFrom(7)));
      for (const { name } of candidates) expectShare(clientsOf[name] ?? 0, 1 / count);
    }
  }
});

test("X-BAL-26 clients that a bound sends on are spread evenly over the others", () => {
  const candidates = family((number) => `127.0.0.1:${22_000 + number}`, [1, 2, 3, 4, 5]);
  const sources = electionSources();
  const bounded = plainTerms("iphash1", { maxLoadPercent: 125 });
  const elector = electing({ terms: bounded, candidates, sources });
  sources.connections.set(0, 100);
  const elected = tally(elector.names(many, neighboursFrom(9)));
  expect(Object.keys(elected).toSorted()).toEqual(candidates.slice(1).map(({ name }) => name));
  for (const count of Object.values(elected)) expectShare(count, 1 / 4);
});

function family(
  named: (number: number) => string,
  numbers: readonly number[],
): readonly Candidate[] {
  return candidatesOf(numbers.map((number) => backendOf(named(number))));
}

function homesOf(
  candidates: readonly Candidate[],
  clientOf: (index: number) => ElectingClient,
): readonly string[] {
  return electing({ terms, candidates }).names(many, clientOf);
}

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
