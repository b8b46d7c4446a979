import { describe, expect, test } from "vitest";

import {
  rememberedBytesMax,
  rememberedFileBytesMax,
  rememberedFilesPerWriteMax,
  rememberedRetryMs,
  rememberedWriteMs,
} from "#shared/base/limits.ts";
import { backendSchema, type Backend } from "#shared/definition/backend.ts";

import type { NamedAnswers } from "../../../node-agent/discover/remembered-file.ts";
import { RememberedFiles } from "../../../node-agent/discover/remembered-files.ts";
import type { Disk } from "../../../node-agent/runtime/disk.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { quietLog, type QuietLog } from "../../support/quiet-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { CrashDisk } from "../control-link/crash-disk.ts";

const folder = "/data/sources";
const pathOf = (balancer: string): string => `${folder}/${balancer}.json`;

interface Kept {
  readonly files: RememberedFiles;
  readonly clock: FakeClock;
  readonly log: QuietLog;
  /** What each balancer's file shall hold. */
  readonly wanted: Map<string, NamedAnswers>;
}

function keptOn(disk: Disk, node = "nod_a"): Kept {
  const clock = new FakeClock();
  const log = quietLog();
  const wanted = new Map<string, NamedAnswers>();
  const answersOf = (balancer: string): NamedAnswers => wanted.get(balancer) ?? new Map();
  const files = new RememberedFiles({ disk, clock, log, folder, node, answersOf });
  return { files, clock, log, wanted };
}

function backendAt(host: string): Backend {
  return backendSchema.parse({ host, port: 80 });
}

function naming(...hosts: readonly string[]): NamedAnswers {
  return new Map([["k1", { backends: hosts.map(backendAt), saidMs: 1 }]]);
}

/** An answer that takes about so many bytes on disk. */
function bytesOf(bytes: number): NamedAnswers {
  const sni = "x".repeat(200);
  const backends = Array.from({ length: Math.ceil(bytes / 250) }, () => ({
    ...backendAt("a"),
    sni,
  }));
  return new Map([["k1", { backends, saidMs: 1 }]]);
}

const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });

describe("the files of what sources named", () => {
  test("a change is written at once, further ones together, and the next process reads them", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted } = keptOn(disk);
    wanted.set("bal_a", naming("one"));
    files.changed("bal_a");
    await clock.advanceSettled(0);
    expect(disk.paths()).toEqual([pathOf("bal_a")]);

    const { steps } = disk;
    for (const host of ["two", "three", "four"]) {
      wanted.set("bal_a", naming(host));
      files.changed("bal_a");
      await clock.advanceSettled(rememberedWriteMs / 10);
    }
    expect(disk.steps).toBe(steps);
    await clock.advanceSettled(rememberedWriteMs);
    const next = keptOn(disk);
    expect(await next.files.read("bal_a")).toMatchObject({ answers: naming("four") });
    expect(await next.files.read("bal_b")).toBeUndefined();
    expect(next.log.lines).toEqual([]);
  });

  test("many that change at once are written in portions, and a stop writes the rest", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted } = keptOn(disk);
    const count = 2 * rememberedFilesPerWriteMax + 10;
    const balancers = Array.from({ length: count }, (_, index) => `bal_${index}`);
    for (const balancer of balancers) {
      wanted.set(balancer, naming("one"));
      files.changed(balancer);
    }
    await clock.advanceSettled(0);
    expect(disk.paths()).toHaveLength(rememberedFilesPerWriteMax);
    await clock.advanceSettled(rememberedWriteMs);
    expect(disk.paths()).toHaveLength(2 * rememberedFilesPerWriteMax);
    await files.stop();
    expect(disk.paths()).toHaveLength(count);
    files.changed("bal_0");
    expect(clock.timers).toBe(0);
  });

  test("a full disk is told once, tried again after a pause, and told when it takes them again", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted, log } = keptOn(disk);
    disk.trouble = (_, what) => (what.startsWith("write") ? full : undefined);
    wanted.set("bal_a", naming("one"));
    files.changed("bal_a");
    await clock.advanceSettled(3 * rememberedRetryMs - 1);
    expect(disk.paths()).toEqual([]);
    expect(disk.steps).toBe(3 * 2);
    expect(log.lines).toMatchObject([{ level: "warn", fields: { why: "ENOSPC" } }]);

    disk.trouble = () => undefined;
    await clock.advanceSettled(rememberedRetryMs);
    expect(await keptOn(disk).files.read("bal_a")).toMatchObject({ answers: naming("one") });
    expect(log.lines).toHaveLength(2);
    expect(log.lines[1]).toMatchObject({ level: "info" });
  });

  test("one that cannot be written keeps none of the others from it", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted } = keptOn(disk);
    disk.trouble = (_, what) => (what.includes("bal_a") ? full : undefined);
    for (const balancer of ["bal_a", "bal_b"]) {
      wanted.set(balancer, naming("one"));
      files.changed(balancer);
    }
    await clock.advanceSettled(0);
    expect(disk.paths()).toEqual([pathOf("bal_b")]);
  });

  test("whatever moment the power goes, what is read is one of what was written, or nothing", async () => {
    const random = seededRandom(7);
    for (let cut = 0; cut < 200; cut += 1) {
      const disk = new CrashDisk();
      const { files, clock, wanted } = keptOn(disk);
      const endsAt = Math.floor(random() * 12);
      disk.trouble = (step) => (step >= endsAt ? full : undefined);
      for (const host of ["one", "two", "three"]) {
        wanted.set("bal_a", naming(host));
        files.changed("bal_a");
        await clock.advanceSettled(rememberedWriteMs);
      }
      const found = await keptOn(disk.afterPowerCut(random)).files.read("bal_a");
      const hosts = found?.answers.get("k1")?.backends.map(({ host }) => host) ?? [];
      expect([[], ["one"], ["two"], ["three"]]).toContainEqual(hosts);
    }
  });

  test("what somebody changed, another node's, and what cannot be read is not used, and told", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted } = keptOn(disk);
    wanted.set("bal_a", naming("one"));
    files.changed("bal_a");
    await clock.advanceSettled(0);

    const other = keptOn(disk, "nod_b");
    expect(await other.files.read("bal_a")).toBeUndefined();
    expect(other.log.lines).toMatchObject([{ level: "warn", fields: { why: "foreign" } }]);

    const sick = keptOn({
      ...{ read: () => Promise.reject(Object.assign(new Error("bad sector"), { code: "EIO" })) },
    } as unknown as Disk);
    expect(await sick.files.read("bal_a")).toBeUndefined();
    expect(sick.log.lines).toMatchObject([{ fields: { why: "unreadable", detail: "EIO" } }]);

    disk.tamper(pathOf("bal_a"), (text) => text.slice(0, 40));
    const torn = keptOn(disk);
    expect(await torn.files.read("bal_a")).toBeUndefined();
    expect(torn.log.lines).toMatchObject([{ fields: { why: "torn", balancer: "bal_a" } }]);
  });

  test("files of balancers that are gone are removed, and what was left of a write; once nothing is left, so is the file", async () => {
    const disk = new CrashDisk();
    const first = keptOn(disk);
    for (const balancer of ["bal_a", "bal_b", "bal_c"]) {
      first.wanted.set(balancer, naming("one"));
      first.files.changed(balancer);
    }
    await first.files.stop();
    await disk.write(`${pathOf("bal_a")}.new`, "half");
    await disk.write(`${folder}/notes.txt`, "somebody's");

    const { files, clock, wanted } = keptOn(disk);
    files.keepOnly(new Set(["bal_a", "bal_b"]));
    await clock.advanceSettled(0);
    const notes = `${folder}/notes.txt`;
    expect(disk.paths().toSorted()).toEqual([pathOf("bal_a"), pathOf("bal_b"), notes].toSorted());

    await files.read("bal_b");
    files.keepOnly(new Set(["bal_a"]));
    await clock.advanceSettled(0);
    expect(disk.paths()).not.toContain(pathOf("bal_b"));
    wanted.set("bal_a", new Map());
    files.changed("bal_a");
    await clock.advanceSettled(rememberedWriteMs);
    expect(disk.paths()).toEqual([notes]);
  });

  test("held, it writes what there is and then nothing until it is let go; stopped while held, nothing any more", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted } = keptOn(disk);
    const name = (host: string): void => {
      wanted.set("bal_a", naming(host));
      files.changed("bal_a");
    };
    const read = async () => (await keptOn(disk).files.read("bal_a"))?.answers;
    name("one");
    const letGo = await files.hold();
    expect(await read()).toEqual(naming("one"));
    name("two");
    await clock.advanceSettled(10 * rememberedWriteMs);
    expect(await read()).toEqual(naming("one"));
    letGo();
    await clock.advanceSettled(rememberedWriteMs);
    expect(await read()).toEqual(naming("two"));

    const again = await files.hold();
    name("three");
    await files.stop();
    again();
    name("four");
    await clock.advanceSettled(10 * rememberedWriteMs);
    expect(await read()).toEqual(naming("two"));
    expect(clock.timers).toBe(0);
  });

  test("an answer that is too big for a file, or for all files, is not kept in part, and told once", async () => {
    const disk = new CrashDisk();
    const { files, clock, wanted, log } = keptOn(disk);
    wanted.set("bal_a", naming("one"));
    files.changed("bal_a");
    await clock.advanceSettled(0);
    wanted.set("bal_a", bytesOf(rememberedFileBytesMax));
    for (const _ of [1, 2]) {
      files.changed("bal_a");
      await clock.advanceSettled(rememberedWriteMs);
    }
    expect(disk.paths()).toEqual([]);
    expect(log.lines).toMatchObject([{ level: "warn", fields: { balancer: "bal_a" } }]);

    const share = bytesOf(rememberedFileBytesMax * 0.6);
    const count = Math.ceil(rememberedBytesMax / (rememberedFileBytesMax * 0.5));
    for (let index = 0; index < count; index += 1) {
      wanted.set(`bal_${index}`, share);
      files.changed(`bal_${index}`);
    }
    await clock.advanceSettled(10 * rememberedWriteMs);
    const bytes = await Promise.all(
      disk.paths().map(async (path) => (await disk.read(path))?.length),
    );
    const used = bytes.reduce<number>((sum, size = 0) => sum + size, 0);
    expect(used).toBeLessThanOrEqual(rememberedBytesMax);
    expect(used).toBeGreaterThan(rememberedBytesMax * 0.9);
    expect(log.lines.length).toBe(1 + count - disk.paths().length);
  });

  test("an id that is no file name touches nothing", async () => {
    const disk = new CrashDisk();
    const { files, clock } = keptOn(disk);
    for (const id of ["../bal_a", "", "a/b", ".."]) {
      files.changed(id);
      expect(await files.read(id)).toBeUndefined();
    }
    await clock.advanceSettled(rememberedWriteMs);
    expect(disk.steps).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
