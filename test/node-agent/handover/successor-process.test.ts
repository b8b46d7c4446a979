import { expect, onTestFinished, test } from "vitest";

import {
  createStartSuccessor,
  type SuccessorProcess,
} from "../../../node-agent/handover/successor-process.ts";
import { eventually } from "../../support/eventually.ts";
import { isRunning } from "../../support/os-processes.ts";
import { cleanEnvironment } from "../../support/processes.ts";

const staysForever = "setInterval(() => undefined, 1_000);";
const heedsNoTerm = "process.on('SIGTERM', () => undefined);";

test.each(["SIGTERM", "SIGKILL"] as const)(
  "a successor that never says a word is ended by %s all the same",
  async (signal) => {
    const successor = started(staysForever);
    const pid = await pidOf(successor);
    expect(isRunning(pid)).toBe(true);

    successor.kill(signal);

    expect(await successor.ended).toContain("has ended");
    await eventually(() => !isRunning(pid));
  },
);

test("one that is asked to end before its process id is known is ended as well", async () => {
  const successor = started(staysForever);
  expect(successor.pid()).toBeUndefined();
  successor.kill("SIGTERM");
  expect(await successor.ended).toContain("has ended");
});

test("one that does not heed a SIGTERM is killed", async () => {
  const successor = started(`${heedsNoTerm} ${staysForever}`);
  const pid = await pidOf(successor);
  successor.kill("SIGTERM");
  successor.kill("SIGKILL");
  await successor.ended;
  await eventually(() => !isRunning(pid));
  // Nothing is there any more that a signal could reach.
  successor.kill("SIGKILL");
});

test("a command that is not there ends by itself, and says so", async () => {
  const successor = startedBy(["/nowhere/node"]);
  expect(await successor.ended).toContain("has ended");
  successor.kill("SIGKILL");
});

/** A Node that runs these lines; gone at the end of the test. */
function started(lines: string): SuccessorProcess {
  return startedBy([process.execPath, "--eval", lines]);
}

function startedBy(words: readonly string[]): SuccessorProcess {
  const successor = createStartSuccessor({
    words: () => words,
    workingFolder: () => undefined,
    environment: cleanEnvironment(),
  })([]);
  onTestFinished(() => {
    const pid = successor.pid();
    if (pid !== undefined && isRunning(pid)) process.kill(pid, "SIGKILL");
  });
  return successor;
}

function pidOf(successor: SuccessorProcess): Promise<number> {
  return eventually(() => {
    const pid = successor.pid();
    if (pid === undefined) throw new Error("its process id is not known");
    return pid;
  });
}
