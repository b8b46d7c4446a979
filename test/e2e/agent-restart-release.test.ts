import { spawn } from "node:child_process";
import { copyFile, mkdir, readFile, readlink, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { agentUnderTest } from "../support/agent-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { isRunning } from "../support/os-processes.ts";
import { cleanEnvironment, repository, startProcess } from "../support/processes.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("a restart runs the Node of the release that the link leads to by then, though the one before is gone", async () => {
  const { first, second, current } = await twoReleases();
  const { folder: dataFolder } = await agentUnderTest(onTestFinished);
  const pidFile = join(dataFolder, "agent.pid");
  startFrom(current, dataFolder, pidFile);
  const started = await pidIn(pidFile);
  expect(await programOf(started)).toBe(join(first, "node"));

  await rm(current);
  await symlink(second, current);
  await rm(first, { recursive: true });
  const asking = startProcess(onTestFinished, {
    name: "agent restart",
    command: ["node-agent/main.ts", "restart", "--data", dataFolder],
  });
  expect(await asking.ended, asking.output()).toMatchObject({ code: 0 });

  const succeeded = await pidIn(pidFile);
  expect(succeeded).not.toBe(started);
  expect(await programOf(succeeded)).toBe(join(second, "node"));
});

/** Two releases, each with a Node of its own; the link leads to the first one. */
async function twoReleases() {
  const folder = await temporaryFolder(onTestFinished);
  const [first, second, current] = ["r1", "r2", "current"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const release of [first, second]) {
    await mkdir(release);
    await copyFile(process.execPath, join(release, "node"));
    await symlink(join(repository, "node-agent"), join(release, "node-agent"));
  }
  await symlink(first, current);
  return { first, second, current };
}

/** As the unit does: absolute paths through the link, and the link as working folder. */
function startFrom(current: string, dataFolder: string, pidFile: string): void {
  const main = join(current, "node-agent", "main.ts");
  const args = ["run", "--data", dataFolder, "--pid-file", pidFile, "--admin", "off"];
  const child = spawn(join(current, "node"), [main, ...args], {
    cwd: current,
    env: cleanEnvironment(),
    stdio: "ignore",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
}

/** The agent's process, gone at the end of the test. */
async function pidIn(pidFile: string): Promise<number> {
  const pid = await eventually(async () => Number(await readFile(pidFile, "utf8")));
  onTestFinished(() => {
    if (isRunning(pid)) process.kill(pid, "SIGKILL");
  });
  return pid;
}

function programOf(pid: number): Promise<string> {
  return readlink(`/proc/${pid}/exe`);
}
