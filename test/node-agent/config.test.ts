import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { readConfig, type JoinConfig, type RunConfig } from "../../node-agent/config.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("agent's command line: run", () => {
  test("needs a folder and has safe values for everything else", () => {
    expect(runOf(["run", "--data", "/d"])).toEqual({
      dataFolder: "/d",
      workers: undefined,
      admin: { host: "127.0.0.1", port: 9901 },
      pidFile: undefined,
      succeeds: false,
      policyFile: undefined,
      insecure: false,
      logLevel: "info",
      accessLog: { kind: "log" },
      drainMs: 30_000,
      ca: undefined,
    });
  });

  test("takes all of its options", async () => {
    const ca = join(await temporaryFolder(onTestFinished), "ca.pem");
    await writeFile(ca, "PEM");
    const line = [
      ...["run", "--data", "/d", "--workers", "3", "--relay", "portable", "--admin", "[::1]:0"],
      ...["--policy", "/p.json", "--insecure", "--log-level", "debug", "--drain-timeout", "1m30s"],
      ...["--ca", ca, "--pid-file", "/run/agent.pid", "--access-log", "/var/log/access.log"],
    ];
    expect(runOf(line)).toEqual({
      dataFolder: "/d",
      workers: 3,
      relay: "portable",
      addonFile: undefined,
      admin: { host: "::1", port: 0 },
      pidFile: "/run/agent.pid",
      succeeds: false,
      policyFile: "/p.json",
      insecure: true,
      logLevel: "debug",
      accessLog: { kind: "file", path: "/var/log/access.log" },
      drainMs: 90_000,
      ca: "PEM",
    });
    expect(runOf(["run", "--data", "/d", "--admin", "off"]).admin).toBeUndefined();
  });

  test("names everything that is wrong at once", () => {
    const line = [
      ...["run", "--workers", "0", "--relay", "warp", "--admin", "9901", "--log-level", "loud"],
      ...["--drain-timeout", "soon", "--ca", "/does/not/exist", "--unknown", "extra"],
    ];
    const problems = problemsOf(line);
    for (const option of [
      "--workers",
      "--relay",
      "--admin",
      "--log-level",
      "--drain-timeout",
      "--ca",
      "--data",
    ]) {
      expect(problems.filter((problem) => problem.startsWith(`${option}:`)).length).toBe(1);
    }
    expect(problems).toContain("--unknown: not known");
    expect(problems).toContain("extra: not known");
  });

  test("the engine can be forced, or left to what loads", () => {
    expect(runOf(["run", "--data", "/d", "--relay", "native"]).relay).toBe("native");
    expect(runOf(["run", "--data", "/d"]).relay).toBeUndefined();
  });
});

describe("agent's command line: join", () => {
  const base = ["join", "--control", "https://control.example", "--data", "/d"];

  test("takes the token from the line, a file or the environment, and labels", async () => {
    const file = join(await temporaryFolder(onTestFinished), "token");
    await writeFile(file, "from-file\n");
    expect(joinOf([...base, "--token", "from-line"]).token).toBe("from-line");
    expect(joinOf([...base, "--token-file", file]).token).toBe("from-file");
    expect(joinOf(base, { MIDSTREAM_JOIN_TOKEN: "from-environment" }).token).toBe(
      "from-environment",
    );
    expect(
      joinOf([...base, "--token", "t", "--label", "zone=a", "--label", "x=y=z"]).labels,
    ).toEqual({
      zone: "a",
      x: "y=z",
    });
    expect(problemsOf([...base, "--token", "t", "--token-file", file])).toEqual([
      "--token, --token-file: give one of them",
    ]);
  });

  test.each([
    ["http://127.0.0.1:8080", true],
    ["http://localhost:8080", true],
    ["http://[::1]:8080", true],
    ["https://control.example/base", true],
    ["http://control.example", false],
    ["http://10.0.0.1", false],
    ["http://127.0.0.1.evil.example", false],
  ])("%s without --insecure: %s", (control, allowed) => {
    const line = ["join", "--control", control, "--token", "t", "--data", "/d"];
    expect(readConfig(line, {}).kind).toBe(allowed ? "join" : "invalid");
    expect(readConfig([...line, "--insecure"], {}).kind).toBe("join");
  });

  test.each([
    "control.example",
    "ftp://control.example",
    "https://user:pass@control.example",
    "https://c.example?token=x",
  ])("%s is not the address of a control plane", (control) => {
    const problems = problemsOf(["join", "--control", control, "--token", "t", "--data", "/d"]);
    expect(problems.length).toBe(1);
    expect(problems[0]).toMatch(/^--control: /);
  });

  test("names everything that is missing at once", () => {
    expect(
      problemsOf(["join", "--label", "nothing"]).map((problem) => problem.split(":")[0]),
    ).toEqual(["--control", "--token-file", "--data", "--label"]);
  });
});

describe("agent's command line: leave", () => {
  test("takes a folder, and what the address and the refusal of the control plane may need", () => {
    expect(readConfig(["leave", "--data", "/d"], {})).toEqual({
      kind: "leave",
      config: {
        dataFolder: "/d",
        control: undefined,
        insecure: false,
        force: false,
        ca: undefined,
      },
    });
    const line = ["leave", "--data", "/d", "--force", "--control", "https://control.example"];
    expect(readConfig(line, {})).toMatchObject({
      config: { force: true, control: new URL("https://control.example") },
    });
    expect(problemsOf(["leave"])).toEqual(["--data: give the node's folder"]);
  });
});

describe("agent's command line", () => {
  test("without a command, or with one it does not know, says what there is", () => {
    expect(problemsOf([])).toEqual(["say what to do: join, run, restart, or leave"]);
    expect(problemsOf(["serve"])).toHaveLength(1);
  });

  test("help is not an error", () => {
    const help = readConfig(["run", "--help"], {});
    expect(help.kind).toBe("help");
    expect(help.kind === "help" ? help.text : "").toContain("--drain-timeout");
  });
});

function runOf(line: readonly string[]): RunConfig {
  const command = readConfig(line, {});
  if (command.kind !== "run") throw new Error(JSON.stringify(command));
  return command.config;
}

function joinOf(
  line: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): JoinConfig {
  const command = readConfig(line, environment);
  if (command.kind !== "join") throw new Error(JSON.stringify(command));
  return command.config;
}

function problemsOf(line: readonly string[]): readonly string[] {
  const command = readConfig(line, {});
  return command.kind === "invalid" ? command.problems : [];
}
