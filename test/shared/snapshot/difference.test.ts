import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { applyDifference, differenceOf } from "#shared/snapshot/difference.ts";
import { manifestOf, rootOf, type Manifest } from "#shared/snapshot/manifest.ts";

/** Few ids and hashes, so that manifests overlap. */
const anyManifest: fc.Arbitrary<Manifest> = fc
  .uniqueArray(
    fc.record({
      kind: fc.constantFrom("balancer", "certificate"),
      id: fc.constantFrom("a", "b", "c", "d", "e"),
      hash: fc.constantFrom("1", "2", "3").map((digit) => digit.repeat(64)),
    }),
    { selector: ({ kind, id }) => `${kind}/${id}` },
  )
  .map((entries) => manifestOf(entries));

describe("the difference of two manifests", () => {
  test("applied to the first gives the second, whatever they are", () => {
    fc.assert(
      fc.property(anyManifest, anyManifest, (from, to) => {
        const applied = applyDifference(from, differenceOf(from, to));
        expect(applied).toEqual(to);
        expect(rootOf(applied)).toBe(rootOf(to));
      }),
    );
  });

  test("names only what changed", () => {
    fc.assert(
      fc.property(anyManifest, anyManifest, (from, to) => {
        const { changed, removed } = differenceOf(from, to);
        for (const entry of changed) expect(from).not.toContainEqual(entry);
        for (const { kind, id } of removed) {
          expect(to.some((entry) => entry.kind === kind && entry.id === id)).toBe(false);
        }
      }),
    );
    const one = manifestOf([{ kind: "balancer", id: "a", hash: "1" }]);
    expect(differenceOf(one, one)).toEqual({ changed: [], removed: [] });
  });
});

describe("a root", () => {
  test("depends on every entry and on nothing else", () => {
    fc.assert(
      fc.property(anyManifest, anyManifest, (one, other) => {
        const shuffled = manifestOf(one.toReversed());
        expect(rootOf(shuffled)).toBe(rootOf(one));
        expect(rootOf(one) === rootOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  test("does not confuse kinds with ids", () => {
    const entry = (kind: string, id: string) => manifestOf([{ kind, id, hash: "1" }]);
    expect(rootOf(entry("a", "b/c"))).not.toBe(rootOf(entry("a/b", "c")));
  });
});
