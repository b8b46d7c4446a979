import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { patternCharsMax, patternCostMax } from "#shared/base/limits.ts";
import { compilePattern, patternCost, type Pattern } from "#shared/base/pattern.ts";

describe("compilePattern", () => {
  test("searches anywhere in the text unless anchored", () => {
    expect(compiled("b+").test("abbc")).toBe(true);
    expect(compiled("^b").test("abbc")).toBe(false);
    expect(compiled("^a.*\\.test$").test("abc.test")).toBe(true);
    expect(compiled("^a.*\\.test$").test("b.test")).toBe(false);
  });

  test("searches bytes as well as texts", () => {
    expect(compiled("^PONG").testBytes(new TextEncoder().encode("PONG 1"))).toBe(true);
    expect(compiled("(?s)^OK.x").testBytes(Uint8Array.from([0x4f, 0x4b, 0xff, 0x78]))).toBe(true);
  });

  test("names its groups", () => {
    expect(compiled("(?P<host>\\S+):(?P<port>\\d+)").groupNames).toEqual(["host", "port"]);
  });

  test.each(["(", "[a", "a{1001}", "(?=a)", "(a)\\1", "*"])("refuses %s and says why", (text) => {
    expect(compilePattern(text)).toEqual({ ok: false, detail: expect.stringMatching(/./) });
  });

  test("refuses a text that is too long before it compiles anything", () => {
    expect(compilePattern("a".repeat(patternCharsMax)).ok).toBe(true);
    expect(compilePattern("a".repeat(patternCharsMax + 1)).ok).toBe(false);
  });

  test("refuses repetitions that would make a huge program, side by side or nested", () => {
    expect(compilePattern("x{0,1000}".repeat(50)).ok).toBe(false);
    expect(compilePattern("(abcdefghijklmnopqrst){900}").ok).toBe(false);
    expect(compilePattern("((a{30}){30}){30}").ok).toBe(false);
  });

  test("takes the repetitions that people write", () => {
    expect(compilePattern("^(\\d{1,3}\\.){3}\\d{1,3}$").ok).toBe(true);
    expect(compilePattern("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.example\\.com$").ok).toBe(true);
  });

  test("time grows with the input, not with the ways to match it", () => {
    expect(compiled("^(a+)+$").test(`${"a".repeat(50_000)}b`)).toBe(false);
  });

  test("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab(){}[]|*+?^$\\.,19P<>:!=") }), (text) => {
        expect(typeof compilePattern(text).ok).toBe("boolean");
      }),
    );
  });
});

test("patternCost is at least the size of the text and counts repetitions as RE2 unrolls them", () => {
  expect(patternCost("abc")).toBe(3);
  expect(patternCost("a{10}")).toBe(50);
  expect(patternCost("a{2,30}")).toBe(7 * 30);
  expect(patternCost("a{5,}")).toBe(5 * 5);
  expect(patternCost("(a{1000}){1000}{1000}")).toBeGreaterThan(patternCostMax);
});

function compiled(text: string): Pattern {
  const result = compilePattern(text);
  if (!result.ok) throw new Error(result.detail);
  return result.pattern;
}
