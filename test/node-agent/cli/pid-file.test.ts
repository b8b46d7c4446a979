import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { agentUnderTest } from "../../support/agent-under-test.ts";

test("the pid file names the agent while it runs, and is gone when it has ended", async () => {
  const { pidFile, process } = await agentWithPidFile();
  expect(await readFile(pidFile, "utf8")).toBe(`${process.pid}\n`);
  expect(await process.stop()).toEqual({ code: 0, signal: null });
  await expect(access(pidFile)).rejects.toThrow("ENOENT");
});

test("one that names another process by then is left", async () => {
  const { pidFile, process } = await agentWithPidFile();
  await writeFile(pidFile, "1\n");
  expect(await process.stop()).toEqual({ code: 0, signal: null });
  expect(await readFile(pidFile, "utf8")).toBe("1\n");
});

async function agentWithPidFile() {
  const agent = await agentUnderTest(onTestFinished);
  const pidFile = join(agent.folder, "agent.pid");
  const { process } = await agent.run("--pid-file", pidFile);
  return { pidFile, process };
}
