import { existsSync, readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { execCheckOutputBytesMax } from "#shared/base/limits.ts";

import { eventually } from "../../support/eventually.ts";
import { isRunning } from "../../support/os-processes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { testProbe, verdictOf, type CheckInput } from "../../support/test-probes.ts";

const target = { host: "10.0.0.5", port: 8080 };
const expected = { expectedPositiveOutput: "1", expectedNegativeOutput: "0" } as const;

interface Script {
  readonly check: Extract<CheckInput, { kind: "exec" }>;
  readonly folder: string;
}

/** A real program: a shell script of these lines, whose folder is `$HERE`. */
async function script(...lines: readonly string[]): Promise<Script> {
  const folder = await temporaryFolder(onTestFinished);
  const command = join(folder, "check.sh");
  await writeFile(command, ["#!/bin/sh", `HERE=${folder}`, ...lines].join("\n"));
  await chmod(command, 0o755);
  return { check: { kind: "exec", command, ...expected }, folder };
}

async function verdict(lines: readonly string[], more: object = {}): Promise<string> {
  const { check } = await script(...lines);
  return verdictOf({ ...check, ...more }, target);
}

describe("an exec check", () => {
  test("F-HC-16 the exact output decides: positive is healthy, negative is not", async () => {
    expect(await verdict(["printf 1"])).toBe("passed");
    expect(await verdict(["printf 0"])).toBe("failed: negative-output");
    const words = { expectedPositiveOutput: "all\ngood\n", expectedNegativeOutput: "bad" };
    expect(await verdict(["echo all; echo good"], words)).toBe("passed");
    expect(await verdict(["echo noise >&2; printf 1"])).toBe("passed");
  });

  test("F-HC-17 the program is called with host and port", async () => {
    const { check, folder } = await script('printf "%s|" "$#" "$@" > $HERE/args', "printf 1");
    expect(await verdictOf(check, target)).toBe("passed");
    expect(readFileSync(join(folder, "args"), "utf8")).toBe("2|10.0.0.5|8080|");
    await verdictOf(check, { host: "2001:db8::1", port: 1 });
    expect(readFileSync(join(folder, "args"), "utf8")).toBe("2|2001:db8::1|1|");
  });

  test("a program gets nothing of the agent's environment but a fixed PATH, and runs in the root folder", async () => {
    const { check, folder } = await script(
      "/usr/bin/env > $HERE/env",
      "pwd > $HERE/pwd",
      "printf 1",
    );
    expect(await verdictOf(check, target)).toBe("passed");
    const lines = readFileSync(join(folder, "env"), "utf8").trim().split("\n");
    const names = lines.map((line) => line.split("=")[0] ?? "");
    // What a shell sets by itself.
    expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name))).toEqual([
      "PATH",
    ]);
    expect(readFileSync(join(folder, "pwd"), "utf8")).toBe("/\n");
  });

  test("F-HC-18 an error is unhealthy: a status other than 0, a signal, a program that is not there", async () => {
    expect(await verdict(["printf 1; exit 3"])).toBe("failed: exit 3");
    expect(await verdict(["kill -TERM $$"])).toBe("failed: signal SIGTERM");
    const { check } = await script("printf 1");
    expect(await verdictOf({ ...check, command: "/nowhere/check" }, target)).toBe("failed: ENOENT");
  });

  test("F-HC-18 running too long is unhealthy, and the process is ended with all it started", async () => {
    const { check, folder } = await script(
      "sleep 600 & echo $! > $HERE/child",
      "echo $$ > $HERE/self.part; mv $HERE/self.part $HERE/self",
      "trap '' TERM",
      "printf 1; sleep 600",
    );
    expect(await verdictOf({ ...check, timeout: "500ms" }, target)).toBe("failed: timeout");
    await endsAll(folder);
  });

  test("an aborted check ends its process", async () => {
    const { check, folder } = await script(
      "sleep 600 & echo $! > $HERE/child",
      "echo $$ > $HERE/self.part; mv $HERE/self.part $HERE/self",
      "sleep 600",
    );
    const abort = new AbortController();
    const result = testProbe(check)(target, abort.signal);
    await eventually(() => existsSync(join(folder, "self")));
    abort.abort();
    expect(await result).toMatchObject({ verdict: "none" });
    await endsAll(folder);
  });

  test("what it leaves in the background is ended, and not waited for", async () => {
    const { check, folder } = await script(
      "sleep 600 & echo $! > $HERE/child; echo $$ > $HERE/self",
      "printf 1",
    );
    expect(await verdictOf(check, target)).toBe("passed");
    await endsAll(folder);
  });

  test("F-HC-19 any other output changes nothing", async () => {
    expect(await verdict(["printf 2"])).toBe("none: unexpected-output");
    expect(await verdict(["echo 1"])).toBe("none: unexpected-output");
    expect(await verdict(["true"])).toBe("none: unexpected-output");
  });

  test("X-HC-32 white space around the output does not matter where it is asked for", async () => {
    expect(await verdict(["echo 1"], { trimOutput: true })).toBe("passed");
    expect(await verdict(["echo; echo 0"], { trimOutput: true })).toBe("failed: negative-output");
    expect(await verdict(["echo 1 1"], { trimOutput: true })).toBe("none: unexpected-output");
  });

  test("output without end is not kept, and ends the program", async () => {
    const { check, folder } = await script(
      "echo $$ > $HERE/child; echo $$ > $HERE/self",
      "exec yes 1",
    );
    const longest = { ...check, expectedPositiveOutput: "1\n" };
    expect(await verdictOf(longest, target)).toBe("none: unexpected-output");
    await endsAll(folder);
    expect(execCheckOutputBytesMax).toBeGreaterThan(8_192);
  });
});

/** The program and its child are gone. */
async function endsAll(folder: string): Promise<void> {
  for (const name of ["self", "child"]) {
    const pid = Number(readFileSync(join(folder, name), "utf8"));
    expect(pid).toBeGreaterThan(0);
    await eventually(() => !isRunning(pid));
  }
}
