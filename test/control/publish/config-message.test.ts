import { describe, expect, test } from "vitest";

import { frameBytesMax } from "#shared/base/limits.ts";
import { differenceOf } from "#shared/snapshot/difference.ts";
import { manifestOf, rootOf, type Manifest } from "#shared/snapshot/manifest.ts";
import { entryOf, type SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import { deltaFrameSchema, refFrameSchema } from "#shared/wire/control-frames.ts";

import {
  decideConfig,
  deltaFits,
  deltaFrameOf,
  refFrameOf,
} from "../../../control/publish/config-message.ts";
import type { Published } from "../../../control/publish/published.ts";
import { anyId } from "../../support/tenant-rows.ts";

const key = { tenantId: anyId("ten"), groupId: anyId("grp") };
const signature = { keyId: "0".repeat(16), value: "A".repeat(86) };

function published(rev: number, entries: readonly SnapshotEntry[]): Published {
  const manifest = manifestOf(entries.map(({ kind, id, hash }) => ({ kind, id, hash })));
  const bodyBytes = new Map(
    entries.map(({ hash, body }) => [hash, JSON.stringify(body).length] as const),
  );
  return {
    key,
    version: { epoch: 1, rev, root: rootOf(manifest) },
    manifest,
    bodyBytes,
    signature,
  };
}

const web = entryOf("balancer", "bal_web", { name: "web" });
const mail = entryOf("balancer", "bal_mail", { name: "mail" });
const one = published(1, [web]);
const two = published(2, [web, mail]);

function decide(over: { have?: Published | null; base?: Manifest | undefined }) {
  const have = over.have === undefined ? one : over.have;
  const base = "base" in over ? over.base : have?.manifest;
  return decideConfig({ published: two, have: have?.version ?? null, base });
}

describe("what leads a node to the published version", () => {
  test("nothing when it has it", () => {
    expect(decide({ have: two })).toEqual({ kind: "nothing" });
  });

  test("the difference when its manifest is known", () => {
    const difference = differenceOf(one.manifest, two.manifest);
    expect(decide({})).toEqual({ kind: "delta", difference });
    expect(difference.changed.map(({ id }) => id)).toEqual(["bal_mail"]);
  });

  test("all of it as a difference from nothing when it has nothing", () => {
    const decision = decide({ have: null, base: [] });
    expect(decision).toMatchObject({ kind: "delta", difference: { removed: [] } });
  });

  test("a reference when its manifest is not known", () => {
    expect(decide({ base: undefined })).toEqual({ kind: "ref" });
  });

  test("a reference when the bodies alone pass a frame", () => {
    const big = entryOf("balancer", "bal_big", { pad: "x".repeat(frameBytesMax) });
    const next = published(2, [web, big]);
    const question = { published: next, have: one.version, base: one.manifest };
    expect(decideConfig(question)).toEqual({ kind: "ref" });
  });
});

describe("messages", () => {
  const difference = differenceOf(one.manifest, two.manifest);
  const delta = deltaFrameOf(two, one.version, { difference, entries: [mail], secrets: {} });

  test("have the shape of the protocol", () => {
    expect(deltaFrameSchema.parse(delta)).toEqual(delta);
    const ref = refFrameOf(two);
    expect(refFrameSchema.parse(ref)).toEqual(ref);
    expect(ref.url).toBe(`/v1/agent/snapshots/${two.version.root}?epoch=1&rev=2`);
  });

  test("have a name that says what they lead from and to, the same for every node and try", () => {
    const again = deltaFrameOf(two, one.version, { difference, entries: [mail], secrets: {} });
    expect(again.nonce).toBe(delta.nonce);
    const names = [
      delta.nonce,
      deltaFrameOf(two, null, { difference, entries: [], secrets: {} }).nonce,
      refFrameOf(two).nonce,
      refFrameOf(one).nonce,
    ];
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(64);
  });

  test("that pass a frame do not fit", () => {
    expect(deltaFits(delta)).toBe(true);
    const body = { pad: "x".repeat(frameBytesMax - 100) };
    const big = { ...delta, up: [entryOf("balancer", "bal_big", body)] };
    expect(deltaFits(big)).toBe(false);
  });
});
