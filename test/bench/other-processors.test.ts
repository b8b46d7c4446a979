import { expect, test } from "vitest";

import { otherProcessors } from "./other-processors.ts";

test("the processors that a list does not name; all when it names every one", () => {
  expect(otherProcessors("0", 2)).toBe("1");
  expect(otherProcessors("0-1,3", 6)).toBe("2,4,5");
  expect(otherProcessors("0,1", 2)).toBe("0,1");
});
