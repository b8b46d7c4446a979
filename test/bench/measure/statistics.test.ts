import { expect, test } from "vitest";

import { medianOf, spreadOf } from "./statistics.ts";

test("the median is the middle value, or the mean of the two in the middle, whatever the order", () => {
  expect(medianOf([5, 1, 3])).toBe(3);
  expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  expect(medianOf([])).toBeNaN();
});

test("a spread is the median with the smallest and the largest value", () => {
  expect(spreadOf([10, 2, 30])).toEqual({ median: 10, min: 2, max: 30 });
});
