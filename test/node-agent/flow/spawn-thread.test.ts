import { join } from "node:path";

import { expect, test } from "vitest";

import { repository } from "../../support/processes.ts";
import { findProgram, outputOf } from "../../support/run-command.ts";

/** V8 collects as often as it can, and tells on its standard output, which is not to wait there. */
const flags = ["--stress-wasm-code-gc", "--trace-wasm-code-gc"];
const main = join(repository, "test", "support", "spawning-main.ts");

test("compiled code that threads share is not collected once there are workers", async ({
  skip,
}) => {
  const stdbuf = await findProgram("stdbuf");
  if (stdbuf === undefined) return skip("stdbuf is not installed (Debian: coreutils)");
  const output = await outputOf([stdbuf, "-o0", process.execPath, ...flags, main]);

  const [beforeWorkers = "", ...sinceWorkers] = output.split("spawned\n");
  // This program does make V8 collect, and V8 does tell of it.
  expect(beforeWorkers).toContain("Triggering GC");
  expect(sinceWorkers).toHaveLength(2);
  expect(sinceWorkers.join("")).not.toContain("Triggering GC");
});
