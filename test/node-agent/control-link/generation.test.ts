import { describe, expect, test } from "vitest";

import { openGenerations } from "../../../node-agent/control-link/generation.ts";
import { CrashDisk } from "./crash-disk.ts";

const nowMs = (): number => 2_000_000_000_000;

describe("generation of the link", () => {
  test("grows with every connect and over restarts, and is on disk before it is used", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", nowMs);
    expect([await first.next(), await first.next()]).toEqual([1, 2]);
    const second = await openGenerations(
      disk.afterPowerCut(() => 0.99),
      "/d",
      nowMs,
    );
    expect(second.current()).toBe(2);
    expect(await second.next()).toBe(3);
  });

  test("a disk that takes no writes: the number jumps ahead, so that a restart does not fall behind", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", nowMs);
    await first.next();
    disk.trouble = () => Object.assign(new Error("read-only"), { code: "EROFS" });
    expect(await first.next()).toBe(2_000_000_000);
    expect(await first.next()).toBe(2_000_000_001);
    const second = await openGenerations(disk, "/d", () => nowMs() + 5_000);
    expect(await second.next()).toBe(2_000_000_005);
  });

  test("a damaged file does not make the node a copy of itself: the number is above every earlier one", async () => {
    const disk = new CrashDisk();
    const first = await openGenerations(disk, "/d", nowMs);
    await first.next();
    disk.tamper("/d/link.json", () => "{");
    expect(await (await openGenerations(disk, "/d", nowMs)).next()).toBe(2_000_000_001);
  });
});
