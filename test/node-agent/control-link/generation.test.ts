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
    expect([await first.next(), await first.next()]).toEqual([1, 2]);
    const second = await openGenerations(
      disk.afterPowerCut(() => 0.99),
      "/d",
      clock,
    );
    expect(second.current()).toBe(2);
    expect(await second.next()).toBe(3);
  });

  test("a disk that takes no writes: the number jumps ahead, so that a restart does not fall behind", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", clock);
    await first.next();
    disk.trouble = () => Object.assign(new Error("read-only"), { code: "EROFS" });
    expect(await first.next()).toBe(2_000_000_000);
    expect(await first.next()).toBe(2_000_000_001);
    const second = await openGenerations(disk, "/d", new FakeClock(clock.nowMs() + 5_000));
    expect(await second.next()).toBe(2_000_000_005);
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
    expect(await (await openGenerations(disk, "/d", clock)).next()).toBe(2_000_000_001);
  });
});
