import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { crashLoopStartsMax } from "#shared/base/limits.ts";
import type { Snapshot } from "#shared/snapshot/snapshot.ts";

import {
  createSnapshotStore,
  type SnapshotStore,
} from "../../../node-agent/control-link/snapshot-store.ts";
import type { Disk } from "../../../node-agent/runtime/disk.ts";
import { Publisher } from "../../support/publisher.ts";
import { entryFor } from "../apply/balancers.ts";
import { CrashDisk, PowerCut } from "./crash-disk.ts";

const publisher = new Publisher();
const snapshots = [1, 2, 3, 4, 5].map((rev) =>
  publisher.snapshot(rev, [entryFor("bal_a", { bind: [`127.0.0.1:${9_000 + rev}`] })]),
);
const [s1, s2, s3] = snapshots as [Snapshot, Snapshot, Snapshot];

describe("snapshot store", () => {
  test("nothing was stored: nothing is found", async () => {
    const found = await storeOn(new CrashDisk()).start();
    expect(found).toEqual({ snapshot: undefined, unusable: [], reverted: undefined });
  });

  test("what was stored last is found, with its secrets and signature as they were", async () => {
    const disk = await diskWith([s1, s2]);
    expect((await storeOn(disk).start()).snapshot).toEqual(s2);
  });

  test("a changed body, a wrong signature, a torn file: the one before is used and the damage is named", async () => {
    const tampered: readonly [(text: string) => string, string][] = [
      [(text) => text.replace("127.0.0.1:9002", "127.0.0.1:9999"), "bad-hash"],
      [(text) => text.replace('"rev":2', '"rev":7'), "bad-signature"],
      [(text) => text.replace('"tenant":"ten_a"', '"tenant":"ten_b"'), "wrong-recipient"],
      [(text) => text.slice(0, text.length / 2), "unreadable"],
      [() => "", "unreadable"],
    ];
    for (const [change, why] of tampered) {
      const disk = await diskWith([s1, s2]);
      disk.tamper("/s/current.json", change);
      const found = await storeOn(disk).start();
      expect(found.snapshot).toEqual(s1);
      expect(found.unusable).toMatchObject([{ file: "current", why }]);
    }
  });

  test("signed by a key that is not trusted: not used", async () => {
    const disk = await diskWith([new Publisher().snapshot(1, [])]);
    const found = await storeOn(disk).start();
    expect(found.snapshot).toBeUndefined();
    expect(found.unusable).toMatchObject([{ why: "bad-signature" }]);
  });

  test("a damaged current never pushes the good previous out", async () => {
    const disk = await diskWith([s1, s2]);
    disk.tamper("/s/current.json", () => "{");
    const store = storeOn(disk);
    await store.start();
    await store.put(s3);
    disk.tamper("/s/current.json", () => "{");
    expect((await storeOn(disk).start()).snapshot).toEqual(s1);
  });

  test("previous is the last one that proved itself: unproven ones do not push it out", async () => {
    const disk = new CrashDisk();
    const store = storeOn(disk);
    await store.start();
    await store.put(s1);
    await store.proven(s1.version);
    await store.put(s2);
    await store.put(s3);
    disk.tamper("/s/current.json", () => "{");
    expect((await storeOn(disk).start()).snapshot).toEqual(s1);
  });

  test("unproven ones give way: without a proven one previous is the one before", async () => {
    const disk = await diskWith([s1, s2, s3]);
    disk.tamper("/s/current.json", () => "{");
    expect((await storeOn(disk).start()).snapshot).toEqual(s2);
  });
});

describe("crash loop", () => {
  test("starts that keep dying on a snapshot lead back to the one before, and that stays so", async () => {
    const disk = await diskWith([s1, s2]);
    for (let start = 0; start < crashLoopStartsMax; start += 1) {
      expect(await storeOn(disk).start()).toMatchObject({ snapshot: s2, reverted: undefined });
    }
    const store = storeOn(disk);
    expect(await store.start()).toMatchObject({ snapshot: s1, reverted: s2.version });
    expect(store.reverted()).toEqual(s2.version);
    const next = storeOn(disk);
    expect(await next.start()).toMatchObject({ snapshot: s1 });
    await next.put(s3);
    expect((await storeOn(disk).start()).snapshot).toEqual(s3);
  });

  test("a start that survived, or ended well, does not count", async () => {
    const disk = await diskWith([s1, s2]);
    for (let start = 0; start < 2 * crashLoopStartsMax; start += 1) {
      const store = storeOn(disk);
      expect((await store.start()).snapshot).toEqual(s2);
      await (start % 2 === 0 ? store.ended() : store.proven(s2.version));
    }
  });

  test("without one before, the only one is used however often it died", async () => {
    const disk = await diskWith([s1]);
    for (let start = 0; start < 2 * crashLoopStartsMax; start += 1) {
      expect((await storeOn(disk).start()).snapshot).toEqual(s1);
    }
  });
});

describe("the power goes", () => {
  test("after any step, whatever of it survived: the last stored snapshot or the one being stored is found", async () => {
    const total = await stepsOfALife();
    let points = 0;
    for (let cut = 0; cut < total; cut += 1) {
      for (let seed = 1; seed <= 12; seed += 1) {
        const disk = new CrashDisk();
        disk.trouble = (step) => (step >= cut ? new PowerCut() : undefined);
        const life = await livedUntilTrouble(disk);
        const after = disk.afterPowerCut(randomOf(cut * 100 + seed));
        const found = await storeOn(after).start();
        const acceptable = [life.stored, life.storing].filter((rev) => rev !== undefined);
        if (life.stored !== undefined) expect(found.snapshot).toBeDefined();
        if (found.snapshot !== undefined) expect(acceptable).toContain(found.snapshot.version.rev);
        points += 1;
      }
    }
    expect(points).toBeGreaterThan(200);
  });

  test("several times in a row, at random moments: there is always a valid snapshot to run", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(40), fc.nat()), { minLength: 3, maxLength: 6 }),
        async (cuts) => {
          let disk = new CrashDisk();
          await livedUntilTrouble(disk);
          for (const [cut, seed] of cuts) {
            disk.trouble = (step) => (step >= cut ? new PowerCut() : undefined);
            disk.steps = 0;
            await livedUntilTrouble(disk);
            disk = disk.afterPowerCut(randomOf(seed));
            expect((await storeOn(disk).start()).snapshot).toBeDefined();
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("any step refused by the disk: what was stored is still found, and storing works again later", async () => {
    const total = await stepsOfALife();
    for (let failing = 0; failing < total; failing += 1) {
      const disk = new CrashDisk();
      disk.trouble = (step) => (step === failing ? full() : undefined);
      const life = await livedUntilTrouble(disk);
      const store = life.store;
      await store.put(s3);
      expect((await storeOn(disk).start()).snapshot).toEqual(s3);
    }
  });
});

interface Life {
  readonly store: SnapshotStore;
  /** The last revision whose `put` resolved, and the one whose `put` did not. */
  readonly stored: number | undefined;
  readonly storing: number | undefined;
}

/** A start, five snapshots, the third proven; ends at the first trouble. */
async function livedUntilTrouble(disk: Disk): Promise<Life> {
  const store = storeOn(disk);
  let stored = (
    await storeOn(disk)
      .start()
      .catch(() => undefined)
  )?.snapshot?.version.rev;
  try {
    await store.start();
    for (const snapshot of snapshots) {
      const { rev } = snapshot.version;
      try {
        await store.put(snapshot);
        stored = rev;
      } catch {
        return { store, stored, storing: rev };
      }
      if (rev === 3) await store.proven(snapshot.version);
    }
  } catch {
    return { store, stored, storing: undefined };
  }
  return { store, stored, storing: undefined };
}

async function stepsOfALife(): Promise<number> {
  const disk = new CrashDisk();
  await livedUntilTrouble(disk);
  return disk.steps;
}

async function diskWith(stored: readonly Snapshot[]): Promise<CrashDisk> {
  const disk = new CrashDisk();
  const store = storeOn(disk);
  await store.start();
  for (const snapshot of stored) await store.put(snapshot);
  return disk;
}

function storeOn(disk: Disk): SnapshotStore {
  return createSnapshotStore(disk, "/s", publisher.owner());
}

function full(): Error {
  return Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
}

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
