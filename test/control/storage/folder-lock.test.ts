import { readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
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
  await expect(stat(join(folder, "control.pid"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a folder is the same folder by whatever path", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const link = `${folder}-link`;
  await symlink(folder, link);
  onTestFinished(() => rm(link));
  const lock = await lockFolder(folder);
  await expect(lockFolder(link)).rejects.toMatchObject({ code: "storage/data-folder-in-use" });
  await lock.release();
});

test.each([
  { what: "come at once", left: undefined },
  { what: "find a dead process' number at once", left: "4194303\n" },
])("of many that $what, one gets it", async ({ left }) => {
  for (let round = 0; round < 10; round += 1) {
    const folder = await temporaryFolder(onTestFinished);
    if (left !== undefined) await writeFile(join(folder, "control.pid"), left);
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder)));
    const locks = all.filter((one) => one.status === "fulfilled");
    expect(locks).toHaveLength(1);
    for (const one of all.filter((other) => other.status === "rejected")) {
      expect(one.reason).toMatchObject({ code: "storage/data-folder-in-use" });
    }
    await locks[0]?.value.release();
  }
});

test("a number that a dead process left, and another process may have by now, is no obstacle", async () => {
  for (const left of ["4194303\n", "1\n", "", "nonsense"]) {
    const folder = await temporaryFolder(onTestFinished);
    await writeFile(join(folder, "control.pid"), left);
    const lock = await lockFolder(folder);
    expect(await readFile(join(folder, "control.pid"), "utf8")).toBe(`${process.pid}\n`);
    await lock.release();
  }
});
