import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { cleanEnvironment, repository, startProcess } from "../support/processes.ts";
import { findProgram } from "../support/run-command.ts";

/** Generator, backend and the compiler for the limit; peers may be absent. */
const needed = ["wrk", "nginx", "cc"];

test("npm run bench -- --quick measures an agent beside the limit, with a half-close before, and keeps what it saw", async ({
  skip,
}) => {
  for (const program of needed) {
    if ((await findProgram(program)) === undefined) return skip(`${program} is not installed`);
  }
  const scripts = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as {
    scripts: Readonly<Record<string, string>>;
  };
  expect(scripts.scripts["bench"]).toBe("node test/bench/bench.ts");

  const load = ["--rows", "keep-alive-64,idle-memory,reload"];
  const bench = startProcess(onTestFinished, {
    name: "bench",
    command: ["test/bench/bench.ts", "--quick", ...load, "--contenders", "portable,limit"],
    environment: cleanEnvironment(),
  });
  const end = await bench.ended;
  const output = bench.output();
  expect(end.code, output).toBe(0);
  expect(output).toContain("Midstream portable / bare relay");
  expect(output).toMatch(/keep-alive, 64 connections \| requests\/s \| [\d,]+ \| [\d,]+ \|/);
  expect(output).toMatch(/idle connections \| connections \| 500 \| 500 \|/);
  expect(output).toMatch(/requests lost \| 0 \| – \|/);
  const folder = /raw output: (.+)/.exec(output)?.[1] ?? "";
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const samples = await readFile(join(folder, "samples.jsonl"), "utf8");
  expect(samples.trim().split("\n")).toHaveLength(5);
});
