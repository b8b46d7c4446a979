import { expect, test } from "vitest";

import { loadLine } from "./host-facts.ts";

const before = { load1: 0.42, all: 1_000, busy: 500, stolen: 0, ours: 100 };

test("a host that was ours alone", () => {
  const after = { load1: 2, all: 2_000, busy: 1_350, stolen: 10, ours: 900 };
  expect(loadLine(before, after)).toBe(
    "processors: 80 % used by this run, 5 % by others, 1 % stolen; load average before it 0.4",
  );
});

test("a host that was busy with something else is warned of", () => {
  const after = { load1: 2, all: 2_000, busy: 1_400, stolen: 0, ours: 500 };
  expect(loadLine(before, after)).toContain("50 % by others");
  expect(loadLine(before, after)).toContain("say little");
});
