import { describe, expect, test } from "vitest";

import { readOptions } from "../../../infra/local/options.ts";

describe("the command line of npm start", () => {
  test("without arguments it means ports 8080 and 9000, .midstream and the demo", () => {
    expect(readOptions([], "/here")).toEqual({
      kind: "start",
      options: { port: 8080, demoPort: 9000, dataFolder: "/here/.midstream", withDemo: true },
    });
  });

  test("every flag is taken; a relative folder is meant from where npm start was called", () => {
    const args = ["--port", "8181", "--demo-port", "9191", "--data", "kept", "--no-demo"];
    expect(readOptions(args, "/here")).toEqual({
      kind: "start",
      options: { port: 8181, demoPort: 9191, dataFolder: "/here/kept", withDemo: false },
    });
  });

  test.each([
    [["--port", "0"], "--port 0"],
    [["--port", "65536"], "--port 65536"],
    [["--port", "80a"], "--port 80a"],
    [["--demo-port", "-1"], "--demo-port"],
    [["--port", "9000"], "both 9000"],
    [["--what"], "--what"],
    [["extra"], "extra"],
  ])("%j is refused by name", (args, named) => {
    const outcome = readOptions(args, "/here");
    expect(outcome.kind).toBe("wrong");
    expect(outcome).toHaveProperty("problems", [expect.stringContaining(named)]);
  });

  test("two ports that are none are both told", () => {
    expect(readOptions(["--port", "0", "--demo-port", "x"], "/here")).toEqual({
      kind: "wrong",
      problems: [
        "--port 0: a port is a number from 1 to 65535",
        "--demo-port x: a port is a number from 1 to 65535",
      ],
    });
  });

  test("--help asks for help", () => {
    expect(readOptions(["--help"], "/here")).toEqual({ kind: "help" });
  });
});
