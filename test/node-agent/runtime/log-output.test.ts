import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { logFlushMsMax, logUnsentBytesMax } from "#shared/base/limits.ts";

import { openLogOutput } from "../../../node-agent/runtime/log-output.ts";
import { createLog } from "../../../node-agent/runtime/log.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { outputOf } from "../../support/run-command.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("log output", () => {
  test("a reader that hangs stops nobody: what is too much is left out and counted, what was kept arrives", async () => {
    const path = join(await temporaryFolder(onTestFinished), "pipe");
    await outputOf(["mkfifo", path]);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(reader));
    const clock = new FakeClock();
    const output = openLogOutput(clock, fd);
    const log = createLog({ level: "info", output });
    const lines = (3 * logUnsentBytesMax) / 1_000;
    for (let line = 0; line < lines; line += 1) log.info({ line }, "x".repeat(1_000));

    let text = "";
    const flushed = output.flush();
    clock.advance(logFlushMsMax + 10);
    await flushed;
    await eventually(() => {
      text += readAll(reader);
      log.info({}, "last");
      return text.includes('"last"');
    });
    const leftOut = Number(/"linesLeftOut":(\d+)/.exec(text)?.[1]);
    const kept = text.split("\n").filter((line) => line.includes("xxx")).length;
    expect(kept).toBeGreaterThan(logUnsentBytesMax / 2_000);
    expect(kept + leftOut).toBeGreaterThanOrEqual(lines);
  });

  test("a file has each line at once", async () => {
    const path = join(await temporaryFolder(onTestFinished), "log");
    const fd = openSync(path, "w");
    onTestFinished(() => closeSync(fd));
    const log = createLog({ level: "info", output: openLogOutput(new FakeClock(), fd) });
    log.debug({}, "not wanted");
    log.child({ part: "a" }).warn({ number: 1 }, "wanted");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      level: 40,
      part: "a",
      number: 1,
      msg: "wanted",
    });
  });
});

function readAll(fd: number): string {
  const chunk = Buffer.alloc(1024 * 1024);
  try {
    return chunk.toString("utf8", 0, readSync(fd, chunk));
  } catch {
    return "";
  }
}
