import { describe, expect, test } from "vitest";

import { storeMsMax, storeRetryFirstMs } from "#shared/base/limits.ts";
import type { Snapshot } from "#shared/snapshot/snapshot.ts";

import { createSnapshotKeeper } from "../../../node-agent/control-link/snapshot-keeper.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { Publisher } from "../../support/publisher.ts";

const publisher = new Publisher();
const [s1, s2] = [publisher.snapshot(1, []), publisher.snapshot(2, [])];

describe("snapshot keeper", () => {
  test("a refusing disk is tried again, and only with the newest; each flip is told once", async () => {
    const { keeper, disk, clock, told } = setup();
    disk.answer = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    expect(await keeper.keep(s1)).toBe(false);
    expect(await keeper.keep(s2)).toBe(false);
    await clock.advanceSettled(10 * storeRetryFirstMs);
    expect(told).toEqual([[false, "ENOSPC"]]);

    disk.answer = () => Promise.resolve();
    disk.put.length = 0;
    await clock.advanceSettled(60_000);
    expect(disk.put).toEqual([s2]);
    expect(told).toEqual([
      [false, "ENOSPC"],
      [true, ""],
    ]);
    await clock.advanceSettled(600_000);
    expect(disk.put).toEqual([s2]);
    expect(clock.timers).toBe(0);
  });

  test("a disk that hangs does not hold a change back, and its late success is told", async () => {
    const { keeper, disk, clock, told } = setup();
    const hanging = Promise.withResolvers<void>();
    disk.answer = () => hanging.promise;
    const kept = keeper.keep(s1);
    await clock.advanceSettled(storeMsMax);
    expect(await kept).toBe(false);
    hanging.resolve();
    await settled();
    expect(told).toEqual([
      [false, "the disk is too slow"],
      [true, ""],
    ]);
  });

  test("writes do not overlap, and what was overtaken while it waited is not written", async () => {
    const { keeper, disk } = setup();
    const first = Promise.withResolvers<void>();
    disk.answer = () => first.promise;
    const s3 = publisher.snapshot(3, []);
    void keeper.keep(s1);
    await settled();
    void keeper.keep(s2);
    const last = keeper.keep(s3);
    await settled();
    expect(disk.put).toEqual([s1]);
    first.resolve();
    expect(await last).toBe(true);
    expect(disk.put).toEqual([s1, s3]);
  });
});

function setup() {
  const clock = new FakeClock();
  const told: [boolean, string][] = [];
  const disk = {
    put: [] as Snapshot[],
    answer: (): Promise<void> => Promise.resolve(),
  };
  const keeper = createSnapshotKeeper({
    store: {
      put: (snapshot) => {
        disk.put.push(snapshot);
        return disk.answer();
      },
    },
    clock,
    random: () => 0.5,
    onDurability: (durable, detail) => told.push([durable, detail]),
  });
  return { keeper, disk, clock, told };
}
