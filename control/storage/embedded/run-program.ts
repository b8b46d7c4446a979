import { spawn, type SpawnOptions } from "node:child_process";

import { errorText } from "#shared/base/fault.ts";

import type { OsUser } from "./os-user.ts";

/** How a program ended. */
export interface ProgramOutcome {
  readonly ok: boolean;
  /** What it wrote, both streams, the last 8 KB; or why it could not be started. */
  readonly output: string;
}

const outputBytesKept = 8_192;

/** What every program of Postgres is started with: no surprise from the caller's environment. */
export function spawnOptionsFor(user: OsUser | undefined): SpawnOptions {
  return {
    cwd: "/",
    env: { LC_ALL: "C", TZ: "UTC", HOME: "/", PATH: "/usr/bin:/bin" },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  };
}

/** Runs a program to its end, as the given user. */
export function runProgram(
  program: string,
  args: readonly string[],
  user: OsUser | undefined,
): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
    const stdio: SpawnOptions["stdio"] = ["ignore", "pipe", "pipe"];
    const child = spawn(program, args, { ...spawnOptionsFor(user), stdio });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-outputBytesKept);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.once("error", (error) => resolve({ ok: false, output: errorText(error) }));
    child.once("close", (code) => resolve({ ok: code === 0, output }));
  });
}
