import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { chooseEngine, engineMaker } from "../../../node-agent/engine/choose-engine.ts";
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
