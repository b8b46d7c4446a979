import fc from "fast-check";
import { expect, test } from "vitest";

import { addressBytes } from "#shared/base/ip-address.ts";

import { clientHash, fnv, fnvStart } from "../../../node-agent/elect/fnv.ts";
import { clientAt, electing, electionSources, plainTerms, tally } from "../../support/electing.ts";
import { backendOf, candidatesOf } from "../../support/pool.ts";

const terms = plainTerms("iphash");

function client(address: string, port = 50_000) {
  return { address: addressBytes(address), port };
}

test("F-BAL-15 FNV-1a with 32 bits gives the published values", () => {
  const text = (of: string) => fnv(fnvStart, new TextEncoder().encode(of));
  expect([text(""), text("a"), text("b"), text("foobar"), text("chongo was here!\n")]).toEqual([
    0x811c9dc5, 0xe40c292c, 0xe70c2de5, 0xbf9cf968, 0xd49930d5,
  ]);
  // The prime and the start, step by step, without the function under test.
  const byHand = [127, 0, 0, 1].reduce(
    (hash, byte) => ((hash ^ BigInt(byte)) * 16_777_619n) % 2n ** 32n,
    2_166_136_261n,
  );
  expect(clientHash(client("127.0.0.1"), false)).toBe(Number(byHand));
});

test("F-BAL-15 the index is the hash modulo the count, in host:port order; IPv4 is four bytes", () => {
  const candidates = candidatesOf(
    ["b:80", "a:9", "a:10", "c:1", "fd00::1:7"].map((name) => backendOf(name)),
  );
  const inOrder = candidates.map(({ name }) => name);
  const elector = electing({ terms, candidates });
  const vectors = ["10.0.0.1", "192.168.7.200", "255.255.255.255", "2001:db8::7", "fe80::1%eth0"];
  for (const address of vectors) {
    const place = Number(byHand(addressBytes(address)) % BigInt(candidates.length));
    expect(elector.name({ client: client(address) })).toBe(inOrder[place]);
  }
  expect(elector.name({ client: client("::ffff:10.0.0.1") })).toBe(
    elector.name({ client: client("10.0.0.1") }),
  );
});

function byHand(bytes: Uint8Array): bigint {
  let hash = 2_166_136_261n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 16_777_619n) % 2n ** 32n;
  return hash;
}

test("F-BAL-14 the same address gets the same backend from every port", () => {
  const candidates = candidatesOf(
    Array.from({ length: 7 }, (_, index) => backendOf(`h${index}:1`)),
  );
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.array(fc.nat({ max: 65_535 }), { minLength: 2 }),
      (address, ports) => {
        const elector = electing({ terms, candidates });
        const names = ports.map((port) => elector.name({ client: client(address, port) }));
        expect(new Set(names).size).toBe(1);
      },
    ),
  );
});

test("F-BAL-15 the count is that of the backends that are below their limit", () => {
  const candidates = candidatesOf(
    ["a:1", "b:1", "c:1"].map((name) => backendOf(name, { maxConnections: 1 })),
  );
  const sources = electionSources();
  sources.connections.set(1, 1);
  const elector = electing({ terms, candidates, sources });
  for (let index = 0; index < 100; index += 1) {
    const place = Number(byHand(clientAt(index).address) % 2n);
    expect(elector.name({ client: clientAt(index) })).toBe(["a:1", "c:1"][place]);
  }
});

test("X-BAL-26 with its port a client is spread over the backends", () => {
  for (const strategy of ["iphash", "iphash1"] as const) {
    const candidates = candidatesOf(["a:1", "b:1", "c:1", "d:1"].map((name) => backendOf(name)));
    const elector = electing({ terms: plainTerms(strategy, { hashesPort: true }), candidates });
    const elected = tally(elector.names(4_000, (index) => client("10.0.0.1", 10_000 + index)));
    expect(Object.keys(elected)).toHaveLength(4);
    for (const count of Object.values(elected)) expect(count).toBeGreaterThan(500);
    expect(elector.name({ client: client("10.0.0.1", 1_234) })).toBe(
      elector.name({ client: client("10.0.0.1", 1_234) }),
    );
  }
});
