import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { expect, test } from "vitest";

import { findNative } from "../../../support/native-engine.ts";
import { findProgram, outputOf } from "../../../support/run-command.ts";
import { scaled } from "../../../support/scale.ts";

const endings = ["killed", "stopped, then killed", "stopped, and exits"] as const;
const rounds = scaled(6, 2);
const atOnce = 4;

test.for(endings)(
  "threads with an engine that are %s, many at the same time, take nothing else with them",
  async (ending, { skip }) => {
    const native = await findNative();
    if (native.kind === "none") return skip(native.why);
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: atOnce }, () => endOne(native.file, ending)));
    }
    // A thread that touched what was gone would have ended this process.
    expect(process.exitCode).toBeUndefined();
  },
);

test("the addon is linked so that it is never unloaded (NODELETE)", async ({ skip }) => {
  const native = await findNative();
  if (native.kind === "none") return skip(native.why);
  const readelf = await findProgram("readelf");
  if (readelf === undefined) return skip("readelf is not installed (Debian: binutils)");
  const output = await outputOf([readelf, "--dynamic", "--wide", native.file]);
  expect(output).toMatch(/\(FLAGS_1\) .* NODELETE\b/);
});

async function endOne(file: string, ending: (typeof endings)[number]): Promise<void> {
  const main = join(import.meta.dirname, "../../../support/short-lived-engine-main.ts");
  const worker = new Worker(main, { workerData: file });
  const exited = once(worker, "exit");
  await once(worker, "message");
  switch (ending) {
    case "killed":
      await worker.terminate();
      return;
    case "stopped, then killed":
      worker.postMessage("stop");
      await once(worker, "message");
      await worker.terminate();
      return;
    case "stopped, and exits":
      worker.postMessage("stop-and-exit");
      await exited;
  }
}
