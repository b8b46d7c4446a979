/**
 * `npm run verify`: everything that can be said about the tree without running it. Needs no
 * database and stays under a minute, so that it is run before every commit.
 */

import { join } from "node:path";

import { runSteps } from "./run-steps.ts";
import type { StepReport } from "./run-steps.ts";
import { verifySteps } from "./verify-steps.ts";

const root = join(import.meta.dirname, "..", "..");
/** Most steps keep one core busy, and the smallest host has two. */
const lanes = 2;

async function main(): Promise<number> {
  const startedMs = performance.now();
  const reports = await runSteps(verifySteps(root), lanes, print);
  const red = reports.filter((report) => !report.outcome.ok);
  const seconds = secondsOf(performance.now() - startedMs);
  console.log(
    red.length === 0
      ? `verify: all ${reports.length} checks are green in ${seconds}`
      : `verify: ${red.length} of ${reports.length} checks are red: ${namesOf(red)}`,
  );
  return red.length === 0 ? 0 : 1;
}

function print({ step, outcome, tookMs }: StepReport): void {
  const note = outcome.note === undefined ? "" : `  ${outcome.note}`;
  const mark = outcome.ok ? "ok " : "RED";
  console.log(`${mark} ${step.name.padEnd(14)} ${secondsOf(tookMs).padStart(6)}${note}`);
  if (!outcome.ok) console.log(`\n${outcome.output.trim()}\n\n→ ${step.remedy}\n`);
}

function namesOf(reports: readonly StepReport[]): string {
  return reports.map((report) => report.step.name).join(", ");
}

function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

process.exitCode = await main();
