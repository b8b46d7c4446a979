import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { repository } from "../../support/processes.ts";

const watch = join(repository, "infra/local/parent-watch.ts");
const clock = join(repository, "shared/base/clock.ts");

/** Says its process id, then `orphaned` once it is. */
const watcher = `
  import { watchParent } from ${JSON.stringify(watch)};
  import { systemClock } from ${JSON.stringify(clock)};
  watchParent(systemClock(), () => console.log("orphaned"));
  console.log(process.pid);
  setInterval(() => {}, 1000);
`;

const parent = `
  const { spawn } = require("node:child_process");
  spawn(process.execPath, ["--input-type=module", "--eval", process.argv[1]], { stdio: "inherit" });
  setInterval(() => {}, 1000);
`;

test("a process notices within a second that the one that started it was killed", async () => {
  const starter = spawn(process.execPath, ["--eval", parent, watcher], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  starter.stdout.on("data", (chunk: Buffer) => lines.push(...chunk.toString().trim().split("\n")));
  await eventually(() => lines.length > 0);
  const watcherPid = Number(lines[0]);
  onTestFinished(() => void process.kill(watcherPid, "SIGKILL"));
  starter.kill("SIGKILL");
  await once(starter, "exit");
  await eventually(() => lines.includes("orphaned"));
  expect(lines).toEqual([String(watcherPid), "orphaned"]);
});
