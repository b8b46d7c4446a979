import { describe, expect, test } from "vitest";

import { storeMsMax } from "#shared/base/limits.ts";

import { openGenerations } from "../../../node-agent/control-link/generation.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { CrashDisk } from "./crash-disk.ts";

const clock = new FakeClock(2_000_000_000_000);

describe("generation of the link", () => {
  test("grows with every connect and over restarts, and is on disk before it is used", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", clock);
    expect([await first.next(), await first.next()]).toEqual([2_000_000_001, 2_000_000_002]);
    const second = await openGenerations(
      disk.afterPowerCut(() => 0.99),
      "/d",
      clock,
    );
    expect(second.current()).toBe(2_000_000_002);
    expect(await second.next()).toBe(2_000_000_003);
  });

  test("a file from an older image of the disk, or none: the number is above those used since", async () => {
    const disk = new CrashDisk();
    const own = new FakeClock(clock.nowMs());
    await (await openGenerations(disk, "/d", own)).next();
    const image = disk.afterPowerCut(() => 0.99);
    const later = await openGenerations(disk, "/d", own);
    const used = [await later.next(), await later.next(), await later.next()];
    own.advance(60_000);
    for (const restored of [image, new CrashDisk()]) {
      const again = await openGenerations(restored, "/d", own);
      expect(await again.next()).toBeGreaterThan(Math.max(...used));
    }
  });

  test("refused again and again it leaps, twice as far each time: no number locks a node out for ever", async () => {
    const generations = await openGenerations(new CrashDisk(), "/d", new FakeClock(1_000_000));
    const known = 1_900_000_000;
    let refusals = 0;
    for (; (await generations.next()) <= known; refusals += 1) generations.refused();
    expect(refusals).toBeLessThan(40);
  });

  test("a disk that takes no writes: the number jumps ahead, so that a restart does not fall behind", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", clock);
    await first.next();
    disk.trouble = () => Object.assign(new Error("read-only"), { code: "EROFS" });
    expect(await first.next()).toBe(2_000_000_002);
    expect(await first.next()).toBe(2_000_000_003);
    const second = await openGenerations(disk, "/d", new FakeClock(clock.nowMs() + 5_000));
    expect(await second.next()).toBe(2_000_000_006);
  });

  test("a disk that hangs does not keep the link from being opened", async () => {
    const disk = new CrashDisk();
    const own = new FakeClock(2_000_000_000_000);
    const generations = await openGenerations(disk, "/d", own);
    disk.write = () => new Promise(() => undefined);
    const next = generations.next();
    await settled();
    own.advance(storeMsMax);
    expect(await next).toBe(2_000_000_002);
  });

  test("a damaged file does not make the node a copy of itself: the number is above every earlier one", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", clock);
    await first.next();
    disk.tamper("/d/link.json", () => "{");
    const later = new FakeClock(clock.nowMs() + 1_000);
    expect(await (await openGenerations(disk, "/d", later)).next()).toBe(2_000_000_002);
  });
});
