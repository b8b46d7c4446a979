import { expect, test } from "vitest";

import { orderOf, sameVersion, versionSchema, type Version } from "#shared/snapshot/version.ts";

function version(epoch: number, rev: number, digit = "a"): Version {
  return { epoch, rev, root: digit.repeat(64) };
}

test.each([
  ["nothing runs", undefined, version(1, 0), "newer"],
  ["the same", version(1, 5), version(1, 5), "same"],
  ["a higher revision", version(1, 5), version(1, 6), "newer"],
  ["a lower revision", version(1, 5), version(1, 4), "older"],
  ["the same revision with another content", version(1, 5), version(1, 5, "b"), "conflict"],
  ["a higher epoch, although the revision is lower", version(1, 5), version(2, 1), "newer"],
  ["a lower epoch, although the revision is higher", version(2, 1), version(1, 5), "older-epoch"],
] as const)("%s", (_, running, offered, order) => {
  expect(orderOf(running, offered)).toBe(order);
});

test("two versions are the same in all parts or not at all", () => {
  expect(sameVersion(version(1, 2), version(1, 2))).toBe(true);
  expect(sameVersion(version(1, 2), version(1, 2, "b"))).toBe(false);
  expect(sameVersion(version(1, 2), version(2, 2))).toBe(false);
  expect(sameVersion(undefined, undefined)).toBe(true);
  expect(sameVersion(version(1, 2), undefined)).toBe(false);
});

test("a version without an epoch, or with a root that is none, is refused", () => {
  expect(versionSchema.safeParse(version(0, 1)).success).toBe(false);
  expect(versionSchema.safeParse({ ...version(1, 1), root: "A".repeat(64) }).success).toBe(false);
  expect(versionSchema.safeParse({ ...version(1, 1), rev: 1.5 }).success).toBe(false);
});
