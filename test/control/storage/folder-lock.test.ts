import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { lockFolder } from "../../../control/storage/embedded/folder-lock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("a folder has one holder at a time; a released one can be had again", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const lock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toMatchObject({
    code: "storage/data-folder-in-use",
    message: expect.stringContaining(`(pid ${process.pid})`) as string,
  });
  await lock.release();
  await (await lockFolder(folder)).release();
  await expect(stat(join(folder, "control.lock"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("of many that come at once, one gets it", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(folder)));
  expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(1);
  for (const one of all.filter((other) => other.status === "rejected")) {
    expect(one.reason).toMatchObject({ code: "storage/data-folder-in-use" });
  }
});

test("of many that find a stale lock at once, one gets it", async () => {
  for (let round = 0; round < 20; round += 1) {
    const folder = await temporaryFolder(onTestFinished);
    await writeFile(join(folder, "control.lock"), "4194303 12345\n");
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => lockFolder(folder)));
    expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(1);
  }
});

test("what a dead process, an older one of this number, or a crash in the middle left is replaced", async () => {
  for (const left of ["4194303 12345\n", `${process.pid} 1\n`, "", "nonsense"]) {
    const folder = await temporaryFolder(onTestFinished);
    await writeFile(join(folder, "control.lock"), left);
    const lock = await lockFolder(folder);
    expect(await readFile(join(folder, "control.lock"), "utf8")).toMatch(
      new RegExp(`^${process.pid} \\d+\\n$`),
    );
    await lock.release();
  }
});
