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
  const throughShell = process.env.THROUGH_SHELL === "true";
  watchParent(systemClock(), throughShell, () => console.log("orphaned"));
  console.log(process.pid);
  setInterval(() => {}, 1000);
`;

/** Starts the watcher, directly or in a shell that stays in between. */
const parent = `
  const { spawn } = require("node:child_process");
  const [watcher, throughShell] = process.argv.slice(1);
  const node = [process.execPath, "--input-type=module", "--eval", watcher];
  const shell = ["sh", "-c", '"$@"; :', "sh", ...node];
  const [program, ...args] = throughShell === "true" ? shell : node;
  const env = { ...process.env, THROUGH_SHELL: throughShell };
  spawn(program, args, { stdio: "inherit", env });
  setInterval(() => {}, 1000);
`;

test.for([
  ["that started it", "false"],
  ["whose shell started it, as npm's does,", "true"],
] as const)("a process notices that the one %s was killed", async ([, throughShell]) => {
  const starter = spawn(process.execPath, ["--eval", parent, watcher, throughShell], {
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
