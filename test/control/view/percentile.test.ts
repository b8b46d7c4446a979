import { expect, test } from "vitest";

import { percentile } from "../../../control/view/percentile.ts";

test.for([
  [[], 0.5, null],
  [[7], 0.5, 7],
  [[7], 0.99, 7],
  [[3, 1, 2], 0.5, 2],
  [[4, 3, 1, 2], 0.5, 2],
  [Array.from({ length: 100 }, (_, index) => index + 1), 0.99, 99],
  [Array.from({ length: 200 }, (_, index) => index + 1), 0.99, 198],
  [[1, 10, 2], 1, 10],
  [[1, 10, 2], 0, 1],
] as const)("of %j the share %d does not exceed %s", ([values, share, wanted]) => {
  expect(percentile(values, share)).toBe(wanted);
});
