import { once } from "node:events";
import { copyFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { expect, onTestFinished, test } from "vitest";

import { chooseEngine, engineMaker } from "../../../node-agent/engine/choose-engine.ts";
import { eventually } from "../../support/eventually.ts";
import { findNative } from "../../support/native-engine.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const native = await findNative();

test("where the addon loads, it is chosen", (context) => {
  if (native.kind === "none") return context.skip(native.why);
  expect(chooseEngine(undefined, native.file)).toEqual({
    ok: true,
    choice: { driver: "native", file: expect.stringMatching(/^\/proc\/self\/fd\/\d+$/) },
    instead: undefined,
  });
});

test("an addon that is replaced while it is chosen is chosen whole, or not at all", async (context) => {
  if (native.kind === "none") return context.skip(native.why);
  const folder = await temporaryFolder(onTestFinished);
  const [whole, half, file] = ["whole", "half", "addon.node"].map((name) => join(folder, name));
  if (whole === undefined || half === undefined || file === undefined) throw new Error("no names");
  await copyFile(native.file, whole);
  await writeFile(half, "half an upgrade");
  await symlink(whole, file);
  await keepReplacing(file, [whole, half]);

  const choices = Array.from({ length: 300 }, () => chooseEngine("native", file));
  // Which file they meet is the scheduler's affair. Slowly, for each choice holds a descriptor.
  const oneMore = (): boolean => {
    choices.push(chooseEngine("native", file));
    return new Set(choices.map(({ ok }) => ok)).size === 2;
  };
  await eventually(oneMore, { everyMs: 20 });

  const chosen = choices.flatMap((one) => (one.ok ? [one.choice] : []));
  for (const choice of chosen) expect(() => engineMaker(choice)).not.toThrow();
  const refusals = new Set(choices.flatMap((one) => (one.ok ? [] : [one.detail])));
  expect([...refusals]).toEqual([`${file} is not a whole addon for Linux`]);
});

test("without the addon's file the portable engine is chosen, with the reason", async () => {
  const file = join(await temporaryFolder(onTestFinished), "absent.node");
  expect(chooseEngine(undefined, file)).toEqual({
    ok: true,
    choice: { driver: "portable" },
    instead: `there is no ${file}`,
  });
});

test("a file that this process cannot load is told apart, and the portable engine is chosen", async () => {
  const file = join(await temporaryFolder(onTestFinished), "broken.node");
  await writeFile(file, "not an addon");
  const chosen = chooseEngine(undefined, file);
  expect(chosen).toMatchObject({ ok: true, choice: { driver: "portable" } });
  expect(chosen.ok && chosen.instead).toContain("broken.node");
});

test("the native engine that was asked for is taken, or nothing", async () => {
  const file = join(await temporaryFolder(onTestFinished), "absent.node");
  expect(chooseEngine("native", file)).toEqual({ ok: false, detail: `there is no ${file}` });
});

test("the portable engine that was asked for is taken though the other would load", () => {
  expect(chooseEngine("portable")).toMatchObject({ ok: true, choice: { driver: "portable" } });
});

test("an addon that vanished after it was chosen stops the worker with the reason", () => {
  const choice = { driver: "native", file: "/does/not/exist.node" } as const;
  expect(() => engineMaker(choice)).toThrow("there is no /does/not/exist.node");
});

/** A thread that has a name lead to one file and to another in turn, until the test ends. */
async function keepReplacing(name: string, files: readonly string[]): Promise<void> {
  const replacer = new Worker(
    `const { renameSync, symlinkSync } = require("node:fs");
     const { parentPort, workerData: { name, files } } = require("node:worker_threads");
     for (let turn = 0; ; turn += 1) {
       symlinkSync(files[turn % files.length], name + ".next");
       renameSync(name + ".next", name);
       if (turn === files.length) parentPort.postMessage("begun");
     }`,
    { eval: true, workerData: { name, files } },
  );
  onTestFinished(async () => {
    await replacer.terminate();
  });
  await once(replacer, "message");
}
