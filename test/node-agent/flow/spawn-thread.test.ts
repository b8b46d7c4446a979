import { join } from "node:path";

import { expect, test } from "vitest";

import { runTool } from "../../../node-agent/engine/native/run-tool.ts";
import { repository } from "../../support/processes.ts";

/** V8 collects as often as it can, and tells on its standard output, which is not to wait there. */
const flags = ["--stress-wasm-code-gc", "--trace-wasm-code-gc"];
const main = join(repository, "test", "support", "spawning-main.ts");

test("compiled code that threads share is not collected once there are workers", async ({
  skip,
}) => {
  if (process.platform !== "linux") return skip("stdbuf is one of Linux' tools");
  const { code, output } = await runTool("stdbuf", ["-o0", process.execPath, ...flags, main]);

  expect({ code, output }).toMatchObject({ code: 0 });
  const [, ...sinceWorkers] = output.split("spawned\n");
  expect(sinceWorkers).toHaveLength(2);
  expect(sinceWorkers.join("")).not.toContain("Triggering GC");
});
