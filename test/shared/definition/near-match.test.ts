import fc from "fast-check";
import { expect, test } from "vitest";

import { nearMatch } from "#shared/definition/near-match.ts";

const known = ["maxConnections", "weight", "bind", "datacenter", "host", "schema"];

test.each([
  ["max_connections", "maxConnections"],
  ["MaxConnections", "maxConnections"],
  ["wieght", "weight"],
  ["weigth", "weight"],
  ["binds", "bind"],
  ["serviceDatacenter", "datacenter"],
  ["hosts", "host"],
])("%s was probably meant as %s", (word, meant) => {
  expect(nearMatch(word, known)).toBe(meant);
});

test.each(["colour", "x", "", "__proto__", "constructor", "y".repeat(10_000)])(
  "nothing comes near %j",
  (word) => {
    expect(nearMatch(word, known)).toBeUndefined();
  },
);

test("what it finds is always one of the known words", () => {
  fc.assert(
    fc.property(fc.string(), (word) => {
      expect([undefined, ...known]).toContain(nearMatch(word, known));
    }),
  );
});
