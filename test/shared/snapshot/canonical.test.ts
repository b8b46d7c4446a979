import * as fc from "fast-check";
import { expect, test } from "vitest";

import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import { entryOf } from "#shared/snapshot/snapshot.ts";

test("is RFC 8785's form: sorted keys, shortest numbers, no blanks", () => {
  const value = { b: [1e21, 1.0, -0, 0.1], a: { "\u20ac": "€\u000f", z: null, A: true } };
  expect(canonicalJson(value)).toBe('{"a":{"A":true,"z":null,"€":"€\\u000f"},"b":[1e+21,1,0,0.1]}');
});

test("the same value has one text, whatever the order of its keys, and keeps its meaning", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).toReversed());
      const text = canonicalJson(value);
      expect(canonicalJson(reversed)).toBe(text);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

test.each([undefined, Number.NaN, Infinity, () => 1])("%s has no JSON form", (value) => {
  expect(() => canonicalJson(value)).toThrow(
    expect.objectContaining({ code: "snapshot/not-json" }),
  );
});

test("neither has a value that holds itself", () => {
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  expect(() => canonicalJson(loop)).toThrow(expect.objectContaining({ code: "snapshot/not-json" }));
});

test("an entry's hash is the SHA-256 of its body's canonical text", () => {
  expect(entryOf("balancer", "bal_1", { b: 1, a: 2 }).hash).toBe(sha256Hex('{"a":2,"b":1}'));
  expect(sha256Hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
