import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { hostDisk } from "../../../node-agent/runtime/disk.ts";
import { writeDurably } from "../../../node-agent/runtime/write-durably.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("the host's disk", () => {
  test("what is not there reads as nothing; what is too big is not read", async () => {
    const path = join(await temporaryFolder(onTestFinished), "a");
    expect(await hostDisk().read(path, 10)).toBeUndefined();
    await writeFile(path, "x".repeat(11));
    await expect(hostDisk().read(path, 10)).rejects.toMatchObject({ code: "runtime/file-too-big" });
  });

  test("lists the names in a folder; one that is not there has none", async () => {
    const folder = await temporaryFolder(onTestFinished);
    await writeFile(join(folder, "a"), "");
    expect(await hostDisk().list(folder)).toEqual(["a"]);
    expect(await hostDisk().list(join(folder, "b"))).toEqual([]);
    await expect(hostDisk().list(join(folder, "a"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test("replaces a file whole, with the wanted permissions, whatever the umask", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const path = join(folder, "a");
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    await writeFile(path, "old");
    await writeDurably(hostDisk(), { path, text: "new", mode: 0o644 });
    expect(await hostDisk().read(path, 10)).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });
});
