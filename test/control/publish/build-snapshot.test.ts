import { describe, expect, test } from "vitest";

import { balancersPerGroupMax, snapshotBytesMax } from "#shared/base/limits.ts";
import { rootOf } from "#shared/snapshot/manifest.ts";

import { buildSnapshot, type EntryRow } from "../../../control/publish/build-snapshot.ts";
import { anyId } from "../../support/tenant-rows.ts";

const key = { tenantId: anyId("ten"), groupId: anyId("grp") };

function row(id: string, over: Partial<EntryRow> = {}): EntryRow {
  return { id, hash: "a".repeat(64), bodyBytes: 10, ...over };
}

function built(balancers: readonly EntryRow[], certificates: readonly EntryRow[] = []) {
  return buildSnapshot(key, { epoch: 1, rev: 7, balancers, certificates });
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

  test("certificates are entries of a kind of their own", () => {
    const outcome = built([row("bal_a")], [row("crt_a", { hash: "c".repeat(64), bodyBytes: 9 })]);
    if (!outcome.ok) throw new Error("not built");
    const { manifest, bodyBytes, version } = outcome.value;
    expect(manifest.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      "balancer bal_a",
      "certificate crt_a",
    ]);
    expect(bodyBytes.get("c".repeat(64))).toBe(9);
    expect(version.root).toBe(rootOf(manifest));
  });

  test.each([
    ["that is named and not there", { hash: null, bodyBytes: null }],
    ["whose body is not there", { bodyBytes: null }],
  ])("a certificate %s makes none at all", (_, over) => {
    expect(built([row("bal_a")], [row("crt_a", over)]).ok).toBe(false);
  });

  test("without an epoch there is no version", () => {
    expect(buildSnapshot(key, { epoch: 0, rev: 1, balancers: [], certificates: [] }).ok).toBe(
      false,
    );
  });
});
