import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { accessReopenMs } from "#shared/base/limits.ts";

import { AccessFile } from "../../../node-agent/runtime/access-file.ts";
import { AccessLog } from "../../../node-agent/runtime/access-log.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("a file that was moved away gets what was written before, the new one what comes after", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const path = join(folder, "access.log");
  const file = new AccessFile({ clock: systemClock(), log: quietLog() }, path);
  file.write("one\n");
  await eventually(async () => (await readFile(path, "utf8")) === "one\n");
  await rename(path, `${path}.1`);
  file.write("two\n");
  file.reopen();
  file.write("three\n");
  await file.close();
  expect(await readFile(path, "utf8")).toBe("three\n");
  expect(await readFile(`${path}.1`, "utf8")).toBe("one\ntwo\n");
});

test("a file that cannot be opened is said once, its lines are counted, and it is tried again", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const path = join(folder, "access.log");
  await mkdir(path);
  const clock = new FakeClock();
  const log = quietLog();
  const file = new AccessFile({ clock, log }, path);
  const access = new AccessLog(file);
  await eventually(() => log.lines.length === 1);
  expect(log.lines[0]).toMatchObject({ level: "warn", fields: { file: path } });
  access.take({ text: "lost\n", count: 1, dropped: 0 });
  expect(access.counts()).toEqual({ written: 0, dropped: 1 });

  await rm(path, { recursive: true });
  clock.advance(accessReopenMs);
  access.take({ text: "there\n", count: 1, dropped: 2 });
  expect(access.counts()).toEqual({ written: 1, dropped: 3 });
  await eventually(async () => (await readFile(path, "utf8")) === "there\n");
});
