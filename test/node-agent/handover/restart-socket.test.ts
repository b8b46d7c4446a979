import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { askForRestart } from "../../../node-agent/handover/restart-socket.ts";
import { cleanEnvironment, repository } from "../../support/processes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("an agent with no descriptor free hangs up, and whoever asked hears that it may be so", async () => {
  const folder = await temporaryFolder(onTestFinished);
  await exhaustedAgent(folder);
  expect(await askForRestart(systemClock(), folder, 5_000)).toEqual({
    kind: "unanswered",
    why: expect.stringMatching(/hung up.*descriptor/) as string,
  });
});

test("where nobody listens, no agent runs", async () => {
  const folder = await temporaryFolder(onTestFinished);
  expect(await askForRestart(systemClock(), folder, 5_000)).toEqual({
    kind: "unanswered",
    why: "no agent answers: it does not run, or runs as another user",
  });
});

/** A process that takes restarts and then uses up its descriptors. */
async function exhaustedAgent(folder: string): Promise<void> {
  const file = join(repository, "node-agent/handover/restart-socket.ts");
  const script = `
    import { openSync } from "node:fs";
    import { openRestartSocket } from ${JSON.stringify(file)};
    const never = new Promise(() => undefined);
    await openRestartSocket(${JSON.stringify(folder)}, () => never);
    try { for (;;) openSync("/dev/null"); } catch (error) { process.send(error.code); }
  `;
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const child = spawn("/bin/sh", ["-c", 'ulimit -n 64; exec "$@"', "sh", ...node], {
    cwd: join(repository, "node-agent"),
    env: cleanEnvironment(),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  expect((await once(child, "message"))[0]).toBe("EMFILE");
}
