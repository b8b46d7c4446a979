import { describe, expect, test } from "vitest";

import {
  rememberedAgeMsMax,
  rememberedReadMsMax,
  rememberedRefreshMs,
  rememberedWriteMs,
} from "#shared/base/limits.ts";
import { backendSchema } from "#shared/definition/backend.ts";

import type { NamedAnswer } from "../../../node-agent/discover/named-answer.ts";
import { SourceMemory } from "../../../node-agent/discover/source-memory.ts";
import type { Disk } from "../../../node-agent/runtime/disk.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { CrashDisk } from "../control-link/crash-disk.ts";

const path = "/data/sources";

function memoryOn(disk: Disk, startMs = Date.UTC(2030, 0, 1)) {
  const clock = new FakeClock(startMs);
  const log = quietLog();
  return { clock, log, memory: new SourceMemory(clock, { disk, log, path, node: "nod_a" }) };
}

function named(...hosts: readonly string[]): NamedAnswer {
  return { backends: hosts.map((host) => backendSchema.parse({ host, port: 80 })), saidMs: 1 };
}

describe("the memory of what sources named", () => {
  test("goes over to the next process, for the sources that a balancer still has", async () => {
    const disk = new CrashDisk();
    const { memory } = memoryOn(disk);
    memory.of("bal_a").remember("k1", named("one"));
    memory.of("bal_a").remember("k2", named("two"));
    memory.of("bal_a").keep(new Set(["k2"]));
    await memory.stop();

    const next = memoryOn(disk).memory;
    expect(next.of("bal_a").recall("k2")).toBeUndefined();
    await next.open("bal_a");
    expect(next.of("bal_a").recall("k2")).toEqual(named("two"));
    expect(next.of("bal_a").recall("k1")).toBeUndefined();
    expect(next.of("bal_b").recall("k2")).toBeUndefined();
  });

  test("what a source names again, in whatever order, is not written again", async () => {
    const disk = new CrashDisk();
    const { memory, clock } = memoryOn(disk);
    memory.of("bal_a").remember("k1", named("one", "two"));
    await clock.advanceSettled(rememberedWriteMs);
    const { steps } = disk;
    memory.of("bal_a").remember("k1", named("two", "one"));
    await clock.advanceSettled(rememberedWriteMs);
    expect(disk.steps).toBe(steps);
    memory.of("bal_a").remember("k1", named("two", "three"));
    await clock.advanceSettled(rememberedWriteMs);
    expect(disk.steps).toBeGreaterThan(steps);
  });

  test("a file's age is the time that no agent ran: it is written anew every hour", async () => {
    const disk = new CrashDisk();
    const { memory, clock } = memoryOn(disk);
    memory.of("bal_a").remember("k1", named("one"));
    await clock.advanceSettled(2 * rememberedAgeMsMax);
    // Killed here, without a stop; another one starts days later.
    const soon = memoryOn(disk, clock.nowMs() + rememberedAgeMsMax - rememberedRefreshMs);
    await soon.memory.open("bal_a");
    expect(soon.memory.of("bal_a").recall("k1")).toEqual(named("one"));
    await soon.clock.advanceSettled(rememberedWriteMs);

    const later = memoryOn(disk, soon.clock.nowMs() + rememberedAgeMsMax - rememberedWriteMs);
    await later.memory.open("bal_a");
    expect(later.memory.of("bal_a").recall("k1")).toEqual(named("one"));
    const tooLate = memoryOn(disk, later.clock.nowMs() + rememberedAgeMsMax);
    await tooLate.memory.open("bal_a");
    expect(tooLate.memory.of("bal_a").recall("k1")).toBeUndefined();
    expect(tooLate.log.lines).toMatchObject([{ level: "warn", fields: { why: "too-old" } }]);
  });

  test("a disk that hangs keeps nobody waiting: not a start, and not an answer", async () => {
    const never = (): Promise<never> => new Promise(() => undefined);
    const hung = new CrashDisk();
    hung.read = never;
    hung.makeFolder = never;
    const { memory, clock, log } = memoryOn(hung);
    const opened = memory.open("bal_a").then(() => "opened");
    await clock.advanceSettled(rememberedReadMsMax);
    expect(await opened).toBe("opened");
    expect(log.lines).toMatchObject([{ level: "warn", fields: { balancer: "bal_a" } }]);
    memory.of("bal_a").remember("k1", named("one"));
    await clock.advanceSettled(rememberedWriteMs);
    expect(memory.of("bal_a").recall("k1")).toEqual(named("one"));
  });

  test("balancers that are gone, or have no source to remember, leave no file", async () => {
    const disk = new CrashDisk();
    const first = memoryOn(disk).memory;
    for (const balancer of ["bal_a", "bal_b", "bal_c"]) {
      first.of(balancer).remember("k1", named("one"));
    }
    await first.stop();
    expect(disk.paths()).toHaveLength(3);

    const { memory, clock } = memoryOn(disk);
    await memory.open("bal_a");
    memory.of("bal_c").keep(new Set());
    memory.keepOnly(new Set(["bal_a", "bal_c"]));
    await clock.advanceSettled(0);
    expect(disk.paths()).toEqual([`${path}/bal_a.json`]);
    memory.keepOnly(new Set());
    await clock.advanceSettled(0);
    expect(disk.paths()).toEqual([]);
    expect(memory.of("bal_a").recall("k1")).toBeUndefined();
  });

  test("without a folder it ends with the process, and holds nothing up", async () => {
    const clock = new FakeClock();
    const memory = new SourceMemory(clock);
    await memory.open("bal_a");
    memory.of("bal_a").remember("k1", named("one"));
    expect(memory.of("bal_a").recall("k1")).toEqual(named("one"));
    (await memory.hold())();
    await memory.stop();
    expect(clock.timers).toBe(0);
  });
});
