import { describe, expect, test } from "vitest";

import { balancersPerGroupMax, snapshotBytesMax } from "#shared/base/limits.ts";
import { rootOf } from "#shared/snapshot/manifest.ts";

import { buildSnapshot, type BalancerRow } from "../../../control/publish/build-snapshot.ts";
import { anyId } from "../../support/tenant-rows.ts";

const key = { tenantId: anyId("ten"), groupId: anyId("grp") };

function row(id: string, over: Partial<BalancerRow> = {}): BalancerRow {
  return { id, hash: "a".repeat(64), bodyBytes: 10, ...over };
}

function built(balancers: readonly BalancerRow[]) {
  return buildSnapshot(key, { epoch: 1, rev: 7, balancers });
}

describe("building a snapshot", () => {
  test("gives the version of exactly these rows, whatever their order", () => {
    const rows = [row("bal_b"), row("bal_a", { hash: "b".repeat(64) })];
    const [one, other] = [built(rows), built(rows.toReversed())];
    expect(one).toEqual(other);
    if (!one.ok) throw new Error("not built");
    expect(one.value.version).toEqual({ epoch: 1, rev: 7, root: rootOf(one.value.manifest) });
    expect(one.value.manifest.map(({ id }) => id)).toEqual(["bal_a", "bal_b"]);
  });

  test("an empty group is a snapshot, not an error", () => {
    expect(built([])).toMatchObject({ ok: true, value: { manifest: [] } });
  });

  test.each([
    ["a body that is not there", [row("bal_a"), row("bal_b", { bodyBytes: null })]],
    ["a hash that is none", [row("bal_a", { hash: "x" })]],
    ["an id that comes twice", [row("bal_a"), row("bal_a")]],
    ["too many bytes", [row("bal_a", { bodyBytes: snapshotBytesMax + 1 })]],
    [
      "too many balancers",
      Array.from({ length: balancersPerGroupMax + 1 }, (_, i) => row(`b${i}`)),
    ],
  ])("%s makes none at all", (_, rows) => {
    expect(built(rows).ok).toBe(false);
  });

  test("without an epoch there is no version", () => {
    expect(buildSnapshot(key, { epoch: 0, rev: 1, balancers: [] }).ok).toBe(false);
  });
});
