import { expect, test } from "vitest";

import { ratioText, shortNumber, spreadText } from "./numbers.ts";

test("numbers have three digits that mean something", () => {
  expect([0, 0.1284, 12.345, 999.4, 71_849, 1_234_567].map(shortNumber)).toEqual([
    ...["0", "0.128", "12.3", "999", "71,800", "1,230,000"],
  ]);
  expect(shortNumber(Number.NaN)).toBe("–");
});

test("a spread that is a point, and a ratio without rounds to draw from, are said without brackets", () => {
  expect(spreadText({ median: 5, min: 5, max: 5 })).toBe("5");
  expect(spreadText({ median: 5, min: 4, max: 7 })).toBe("5 (4–7)");
  expect(ratioText({ ratio: 0.9, low: 0.9, high: 0.9 })).toBe("0.90");
  expect(ratioText({ ratio: 0.9, low: 0.85, high: 0.95 })).toBe("0.90 [0.85–0.95]");
});
