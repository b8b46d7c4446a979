import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import { runNode } from "../../../infra/tools/command.ts";

const repository = join(import.meta.dirname, "..", "..", "..");
const readsEnvironment = 'export const port = process.env["PORT"];';
const longFile = Array.from({ length: 401 }, (_, n) => `export const line${n} = 1;`).join("\n");

/** Each of these files breaks the rule before it. */
const broken = [
  ["no-process-env", "control/verbs/port.ts", readsEnvironment],
  ["no-restricted-imports", "control/verbs/env.ts", 'export { env } from "node:process";'],
  ["no-console", "node-agent/elect/loud.ts", 'console.log("elected");'],
  ["no-restricted-properties", "node-agent/elect/now.ts", "export const now = Date.now();"],
  ["no-restricted-properties", "shared/base/dice.ts", "export const dice = Math.random();"],
  ["no-restricted-globals", "shared/base/later.ts", "setTimeout(() => undefined, 1);"],
  ["no-floating-promises", "shared/base/lost.ts", "Promise.resolve(1);"],
  ["no-explicit-any", "shared/base/anything.ts", "export const anything: any = 1;"],
  ["no-non-null-assertion", "shared/base/sure.ts", "export const sure = [1][0]!;"],
  ["no-default-export", "shared/base/nameless.ts", "export default 1;"],
  ["no-barrel-file", "shared/base/barrel.ts", 'export * from "./sure.ts";'],
  ["filename-case", "shared/base/camelCase.ts", "export const camel = 1;"],
  ["prefer-node-protocol", "infra/tools/fs.ts", 'export { readFileSync } from "fs";'],
  ["max-lines", "shared/base/long.ts", longFile],
  [
    "switch-exhaustiveness-check",
    "shared/base/half.ts",
    'export function half(x: "a" | "b"): number { switch (x) { case "a": return 1; default: return 2; } }',
  ],
  ["no-restricted-imports", "test/a.test.ts", 'import "node:timers/promises";'],
] as const;

/** The same, where it is right. */
const fine = [
  ["control/config.ts", readsEnvironment],
  ["node-agent/main.ts", "export const now = Date.now();"],
  ["infra/tools/print.ts", 'console.log("green");'],
] as const;

describe("the linter", () => {
  let lines: readonly string[] = [];

  beforeAll(async () => {
    const root = mkdtempSync(join(tmpdir(), "midstream-lint-"));
    for (const name of ["tsconfig.json", ".oxlintrc.json"]) {
      cpSync(join(repository, name), join(root, name));
    }
    mkdirSync(join(root, "node_modules"));
    for (const name of [".bin", "@types"]) {
      symlinkSync(join(repository, "node_modules", name), join(root, "node_modules", name));
    }
    for (const [path, source] of [...broken.map(([, ...file]) => file), ...fine]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), source);
    }
    const oxlint = join(repository, "node_modules/oxlint/bin/oxlint");
    const { output } = await runNode(root, [oxlint, "--format=unix"]);
    rmSync(root, { recursive: true });
    lines = output.split("\n");
  });

  test.for(broken)("refuses by %s: %s", ([rule, path]) => {
    const found = lines.filter((line) => line.startsWith(`${path}:`) && line.includes(`(${rule})`));
    expect(found).not.toHaveLength(0);
  });

  test.for(fine)("accepts %s", ([path]) => {
    expect(lines.filter((line) => line.startsWith(`${path}:`))).toEqual([]);
  });
});
