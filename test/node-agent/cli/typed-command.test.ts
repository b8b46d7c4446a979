import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

import { typedCommand } from "../../../node-agent/cli/typed-command.ts";

test("a command is shown as a shell takes it back, whatever is in its words", () => {
  const words = ["/usr/bin/node", "a b", "it's", "$HOME", "", "*", "run", "--data", "/var/x-1"];
  const shown = execFileSync("sh", ["-c", `printf '%s\\n' ${typedCommand(words)}`], {
    encoding: "utf8",
  });
  expect(shown.split("\n").slice(0, -1)).toEqual(words);
  expect(typedCommand(["/usr/bin/node", "run"])).toBe("/usr/bin/node run");
});
