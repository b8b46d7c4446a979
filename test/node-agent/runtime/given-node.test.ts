import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { findGivenNode } from "../../../node-agent/runtime/given-node.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const { execPath } = process;

test("a Node that was started through a link is the one that the link leads to later", async () => {
  const { folder, current } = await twoReleases();
  const given = join(current, "node");
  const node = findGivenNode({ argv0: given, execPath, searchPath: undefined });
  expect(node()).toBe(given);
  await rm(current);
  await symlink(join(folder, "r2"), current);
  await rm(join(folder, "r1"), { recursive: true });
  expect(node()).toBe(given);
});

test("a name is looked for on the path, and means this Node only", async () => {
  const { folder, current } = await twoReleases();
  const searchPath = ["bin", join(folder, "nothing"), join(folder, "r2"), current].join(":");
  const node = findGivenNode({ argv0: "node", execPath, searchPath });
  expect(node()).toBe(join(current, "node"));
});

test.each(["a title", "./a-title", "/nowhere/node", ""])(
  "%j leads to no Node, so it is the file that runs",
  (argv0) => {
    expect(findGivenNode({ argv0, execPath, searchPath: "/nowhere" })()).toBe(execPath);
  },
);

test("what is gone, or no program any more, is the file that runs", async () => {
  const { folder, current } = await twoReleases();
  const given = join(current, "node");
  const node = findGivenNode({ argv0: given, execPath, searchPath: undefined });
  await rm(given);
  expect(node()).toBe(execPath);
  await copyFile(join(folder, "r2", "node"), given);
  await chmod(given, 0o644);
  expect(node()).toBe(execPath);
});

/** `current` leads to r1, whose Node is this one; that of r2 is another program. */
async function twoReleases(): Promise<{ readonly folder: string; readonly current: string }> {
  const folder = await temporaryFolder(onTestFinished);
  const current = join(folder, "current");
  await Promise.all(["r1", "r2"].map((name) => mkdir(join(folder, name))));
  await symlink(execPath, join(folder, "r1", "node"));
  await writeFile(join(folder, "r2", "node"), "#!/bin/sh\n", { mode: 0o755 });
  await symlink(join(folder, "r1"), current);
  return { folder, current };
}
