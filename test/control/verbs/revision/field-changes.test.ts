import fc from "fast-check";
import { expect, test } from "vitest";

import { fieldChanges } from "../../../../control/verbs/revision/field-changes.ts";

test("names the smallest places that differ, with what was and what is", () => {
  const before = { a: 1, list: [1, { x: 1 }], gone: "g", same: { deep: true } };
  const after = { a: 2, list: [1, { x: 2 }, 3], same: { deep: true }, "new/key": null };
  expect(fieldChanges(before, after)).toEqual([
    { pointer: "/a", before: 1, after: 2 },
    { pointer: "/gone", before: "g" },
    { pointer: "/list/1/x", before: 1, after: 2 },
    { pointer: "/list/2", after: 3 },
    { pointer: "/new~1key", after: null },
  ]);
});

test("a value that became another kind of value is one change", () => {
  expect(fieldChanges({ a: [1, 2] }, { a: { b: 1 } })).toEqual([
    { pointer: "/a", before: [1, 2], after: { b: 1 } },
  ]);
});

test("equal values have no changes, and swapping the sides swaps every change", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      expect(fieldChanges(one, structuredClone(one))).toEqual([]);
      const swapped = fieldChanges(other, one).map(({ pointer, before, after }) => ({
        pointer,
        ...(after === undefined ? {} : { before: after }),
        ...(before === undefined ? {} : { after: before }),
      }));
      expect(swapped).toEqual(fieldChanges(one, other));
    }),
  );
});
