import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { endText, startChild, type Child } from "../../../infra/local/child.ts";
import { LogFile } from "../../../infra/local/log-file.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** A child that runs `code`. */
async function childWith(code: string, stopMsMax = 5_000): Promise<Child> {
  const folder = await temporaryFolder(onTestFinished);
  const child = startChild(systemClock(), {
    name: "child",
    command: ["--eval", code],
    workingFolder: folder,
    environment: process.env,
    log: new LogFile(join(folder, "child.log")),
    stopMsMax,
  });
  onTestFinished(() => child.stop());
  return child;
}

const forever = "setInterval(() => {}, 1000);";
const ready = "process.send({ type: 'ready', port: 7 });";

describe("a part of npm start", () => {
  test("is ready when it says so, and what it says is handed on", async () => {
    const child = await childWith(ready + forever);
    expect(await child.ready(60_000)).toEqual({ type: "ready", port: 7 });
  });

  test("that ends before it is ready is reported with its code and last lines", async () => {
    const child = await childWith("console.error('no disk'); process.exitCode = 3;");
    await expect(child.ready(60_000)).rejects.toMatchObject({
      code: "local/child-ended",
      message: "the child ended with code 3:\nno disk",
    });
  });

  test("that says nothing is given up after its bound", async () => {
    const child = await childWith(forever);
    await expect(child.ready(300)).rejects.toMatchObject({ code: "local/child-not-ready" });
  });

  test("ends on SIGTERM, and when it does not, is killed after its bound", async () => {
    const polite = await childWith(ready + forever);
    await polite.ready(60_000);
    await polite.stop();
    expect(await polite.ended).toMatchObject({ signal: "SIGTERM" });

    const deaf = await childWith(`process.on("SIGTERM", () => {}); ${ready} ${forever}`, 200);
    await deaf.ready(60_000);
    await deaf.stop();
    const end = await deaf.ended;
    expect(endText(end)).toBe("the child was ended by SIGKILL");
  });

  test("is not hit by a Ctrl-C in the terminal: it leads a process group of its own", async () => {
    const child = await childWith(
      `${forever} const { readFileSync } = require("node:fs");
       const stat = readFileSync("/proc/self/stat", "utf8");
       const group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
       process.send({ type: "ready", leads: group === process.pid });`,
    );
    expect(await child.ready(60_000)).toMatchObject({ leads: true });
  });
});
