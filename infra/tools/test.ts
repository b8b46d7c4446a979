/**
 * `npm test`: every suite, the time each one costs, and the count in the last line. Arguments go to
 * vitest, so `npm test -- test/shared` runs that folder.
 *
 * `MIDSTREAM_TEST_SCALE` (1) scales long suites. `MIDSTREAM_NO_SKIP=1` makes a skipped test a failure.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";

import { readResults, resultsPath } from "./test-results.ts";
import { summarise, totalLine } from "./test-summary.ts";
import type { SuiteSummary, TestSummary } from "./test-summary.ts";

const root = join(import.meta.dirname, "..", "..");

async function main(): Promise<number> {
  rmSync(resultsPath(root), { force: true });
  const runnerCode = await runVitest(process.argv.slice(2));
  const results = readResults(root);
  if (results === undefined) {
    console.log("vitest ended without results; its output above says why");
    return 1;
  }
  const summary = summarise(results);
  const skipIsFailure = process.env["MIDSTREAM_NO_SKIP"] === "1" && summary.skipped > 0;
  print(summary, skipIsFailure);
  return runnerCode !== 0 || summary.failed > 0 || skipIsFailure ? 1 : 0;
}

/** Ctrl-C reaches vitest as well (same process group); waiting for it lets it end its workers. */
async function runVitest(args: readonly string[]): Promise<number | null> {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=minimal", "--reporter=./infra/tools/results-reporter.ts"];
  const child = spawn(process.execPath, [vitest, "run", ...reporters, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  process.on("SIGINT", () => undefined);
  await once(child, "close");
  return child.exitCode;
}

function print(summary: TestSummary, skipIsFailure: boolean): void {
  console.log("");
  for (const suite of summary.suites) console.log(suiteLine(suite));
  printList("measured", summary.measuredLines);
  printList(skipIsFailure ? "skipped, and MIDSTREAM_NO_SKIP=1" : "skipped", summary.skippedLines);
  console.log("");
  console.log(totalLine(summary));
}

function suiteLine(suite: SuiteSummary): string {
  const seconds = (suite.durationMs / 1_000).toFixed(1);
  return `${suite.suite.padEnd(12)} ${seconds.padStart(7)} s  ${String(suite.tests).padStart(5)} tests in ${suite.files} files`;
}

function printList(title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(`\n${title}:`);
  for (const line of lines) console.log(`  ${line}`);
}

process.exitCode = await main();
