import { expect, test } from "vitest";

import { preferredWaitMs } from "../../../control/http/preference.ts";

test.for([
  [undefined, undefined],
  ["respond-async", undefined],
  ["wait=10", 10_000],
  ["WAIT = 10", 10_000],
  ['respond-async, wait="5"', 5_000],
  ["wait=0", 0],
  ["wait=600", 30_000],
  ["wait=soon", undefined],
  ["wait=-1", undefined],
  ["waiting=10", undefined],
] as const)("Prefer: %s waits %s ms", ([header, wanted]) => {
  expect(preferredWaitMs(header)).toBe(wanted);
});
