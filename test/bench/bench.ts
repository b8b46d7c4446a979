/**
 * `npm run bench`: the agent beside its peers, interleaved, on this host. Prints ratios, medians,
 * versions and command lines; keeps everything that programs printed. No figure is a gate.
 *
 *     npm run bench -- --quick
 *     npm run bench -- --rounds 7 --rows keep-alive-64,new-connections --write
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

import { repository, type Cleanup } from "../support/processes.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { pinTree } from "./contenders/pin-tree.ts";
import { hostLoad } from "./host-facts.ts";
import { readOptions, type BenchOptions } from "./options.ts";
import { otherProcessors } from "./other-processors.ts";
import { Raw } from "./raw.ts";
import { withReport } from "./report/document.ts";
import { reportText } from "./report/report-text.ts";
import type { RowContext } from "./rows/row.ts";
import { rows } from "./rows/rows.ts";
import { runFacts } from "./run-facts.ts";
import { runRow, type RowResult } from "./run-row.ts";
import { setStage } from "./stage.ts";

/** Intervals come out the same whenever the same samples are looked at. */
const seed = 1;

async function main(args: readonly string[]): Promise<number> {
  const command = readOptions(args);
  switch (command.kind) {
    case "help":
      console.log(command.text);
      return 0;
    case "invalid":
      console.error(command.problems.join("\n"));
      return 2;
    case "run":
      return runAndUndo(command.options);
  }
}

/** Whatever was started is ended, in reverse order, also at Ctrl-C. */
async function runAndUndo(options: BenchOptions): Promise<number> {
  const undo: (() => Promise<void>)[] = [];
  const stopped = Promise.withResolvers<number>();
  // npm passes a Ctrl-C on that the terminal has sent here already: the second one means nothing.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => stopped.resolve(130));
  }
  try {
    return await Promise.race([run(options, (one) => void undo.push(one)), stopped.promise]);
  } finally {
    for (const one of undo.toReversed()) await one().catch((error: unknown) => tell(error));
  }
}

async function run(options: BenchOptions, cleanup: Cleanup): Promise<number> {
  const startedAt = new Date();
  const name = startedAt.toISOString().replaceAll(/[:.]/g, "-");
  const raw = new Raw(join(repository, ".midstream", "bench", name));
  if (options.pin !== undefined) {
    await pinTree(process.pid, otherProcessors(options.pin, cpus().length));
  }
  const stage = await setStage({ options, environment: process.env, raw, cleanup });
  const { seats } = stage;
  const before = hostLoad();
  const measured = await measureAll({ ...stage, options, raw });
  const notes = [...stage.notes, ...measured.notes];
  if (measured.results.length === 0) {
    console.error(["nothing was measured", ...notes].join("\n"));
    return 1;
  }
  const facts = await runFacts({ ...stage, options, startedAt, before, after: hostLoad() });
  const contenders = seats.map(({ contender, running }) => {
    return { ...contender, commandLine: running.commandLine.replaceAll(`${raw.folder}/`, "") };
  });
  const { results } = measured;
  publish(
    options,
    raw,
    reportText({ facts, contenders, results, notes, random: seededRandom(seed) }),
  );
  return 0;
}

interface Measured {
  readonly results: readonly RowResult[];
  readonly notes: readonly string[];
}

async function measureAll(context: RowContext): Promise<Measured> {
  const results: RowResult[] = [];
  const notes: string[] = [];
  for (const row of Object.values(rows)) {
    if (!context.options.rows.includes(row.name)) continue;
    console.error(`${row.title} …`);
    const outcome = await runRow(context, row);
    if (outcome.result !== undefined) results.push(outcome.result);
    notes.push(...outcome.notes);
  }
  return { results, notes };
}

function publish(options: BenchOptions, raw: Raw, text: string): void {
  raw.file("report.md", text);
  console.log(text);
  console.error(`\nraw output: ${raw.folder}`);
  if (!options.write) return;
  const path = join(repository, "docs", "performance.md");
  writeFileSync(path, withReport(readFileSync(path, "utf8"), text));
}

function tell(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
}

process.exit(await main(process.argv.slice(2)));
