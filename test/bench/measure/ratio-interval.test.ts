import { expect, test } from "vitest";

import { seededRandom } from "../../support/seeded-random.ts";
import { ratioOfMedians } from "./ratio-interval.ts";

test("a ratio of medians lies within its interval", () => {
  const ratio = ratioOfMedians([9, 10, 11, 10, 9], [20, 21, 19, 20, 22], seededRandom());
  expect(ratio.ratio).toBe(0.5);
  expect(ratio.low).toBeLessThanOrEqual(0.5);
  expect(ratio.high).toBeGreaterThanOrEqual(0.5);
  expect(ratio.low).toBeGreaterThanOrEqual(9 / 22);
  expect(ratio.high).toBeLessThanOrEqual(11 / 19);
});

test("what slows both in the same rounds leaves the interval as narrow as it is", () => {
  const drift = [1, 2, 4, 8, 16];
  const ratio = ratioOfMedians(
    drift.map((factor) => factor * 9),
    drift.map((factor) => factor * 10),
    seededRandom(),
  );
  expect(ratio).toEqual({ ratio: 0.9, low: 0.9, high: 0.9 });
});

test("the same samples and the same random numbers give the same interval", () => {
  const [own, other] = [
    [3, 5, 4, 6, 5],
    [7, 8, 9, 8, 7],
  ];
  const once = ratioOfMedians(own ?? [], other ?? [], seededRandom(7));
  expect(ratioOfMedians(own ?? [], other ?? [], seededRandom(7))).toEqual(once);
});
