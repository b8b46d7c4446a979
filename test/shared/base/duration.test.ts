import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { durationMs, formatDuration, isDuration, parseDurationMs } from "#shared/base/duration.ts";

describe("parseDurationMs", () => {
  test.each([
    ["0", 0],
    ["+0", 0],
    ["0s", 0],
    ["500ms", 500],
    ["2s", 2_000],
    ["1m", 60_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["1.1s", 1_100],
    [".5s", 500],
    ["1.s", 1_000],
    ["1h1m1s1ms", 3_661_001],
    ["+5s", 5_000],
  ])("reads %s as Go does", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each(["1ns", "1us", "1\u00b5s", "1\u03bcs", "0.0000001ns", "999us"])(
    "rounds %s up to a millisecond, so that a short time never reads as off",
    (text) => {
      expect(parseDurationMs(text)).toBe(1);
    },
  );

  test.each([
    "",
    "-1s",
    "-0",
    "5",
    "1.5",
    "s",
    ".s",
    "1h 3m",
    " 1s",
    "1d",
    "1e3s",
    "0x1s",
    "1s\n",
    "99999999999999999999h",
    `${"1".repeat(64)}s`,
  ])("refuses %j", (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });

  test("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.+-hmsnuµμ ") }), (text) => {
        const ms = parseDurationMs(text);
        expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});

describe("formatDuration", () => {
  test.each([
    [0, "0"],
    [500, "500ms"],
    [1_500, "1.5s"],
    [60_000, "1m"],
    [61_001, "1m1.001s"],
    [5_400_000, "1h30m"],
    [86_400_000, "24h"],
  ])("writes %i ms as people would", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test("what it writes reads back as the same time", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (ms) => {
        expect(durationMs(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  test.each([-1, Number.NaN, 0.1])("refuses %d as a fault of ours", (ms) => {
    expect(() => formatDuration(ms)).toThrow(
      expect.objectContaining({ code: "definition/not-a-duration" }),
    );
  });
});

test("isDuration agrees with parseDurationMs", () => {
  expect(isDuration("1h")).toBe(true);
  expect(isDuration("soon")).toBe(false);
});
