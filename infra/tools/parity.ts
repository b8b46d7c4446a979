/**
 * `npm run parity`: which rows of docs/parity.md the last `npm test` proved.
 *
 * `--list` names the unproven rows. `--require F-CFG-12..32,X-TCP-23` exits 1 unless all of these
 * are proven.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { expandIdRanges } from "./id-ranges.ts";
import { countParity } from "./parity-count.ts";
import type { ParityCount } from "./parity-count.ts";
import { parseParityRows } from "./parity-rows.ts";
import { readResults } from "./test-results.ts";

const root = join(import.meta.dirname, "..", "..");

function main(): number {
  const { values } = parseArgs({
    options: { list: { type: "boolean", default: false }, require: { type: "string" } },
  });
  const rows = parseParityRows(readFileSync(join(root, "docs", "parity.md"), "utf8"));
  const required = values.require === undefined ? [] : expandIdRanges(values.require, rows);
  const results = readResults(root);
  if (results === undefined) {
    console.log("no test results yet: run `npm test` first");
    return required.length === 0 ? 0 : 1;
  }
  const count = countParity(rows, results);
  printCount(count);
  if (values.list) printUnproven(count);
  return isMet(count, required) ? 0 : 1;
}

function printCount(count: ParityCount): void {
  for (const { section, proven, known } of count.sections) {
    console.log(`${section.padEnd(44)} ${String(proven).padStart(3)} / ${known}`);
  }
  const known = count.proven.length + count.unproven.length;
  console.log(
    `${"rows proven / rows known".padEnd(44)} ${String(count.proven.length).padStart(3)} / ${known}`,
  );
  if (count.unknownIds.length > 0) {
    console.log(
      `tests name rows that docs/parity.md does not have: ${count.unknownIds.join(", ")}`,
    );
  }
}

function printUnproven(count: ParityCount): void {
  for (const row of count.unproven) console.log(`${row.id}  ${row.feature}: ${row.condition}`);
}

function isMet(count: ParityCount, required: readonly string[]): boolean {
  const unproven = new Set(count.unproven.map((row) => row.id));
  const missing = required.filter((id) => unproven.has(id));
  if (missing.length > 0) console.log(`required and not proven: ${missing.join(", ")}`);
  else if (required.length > 0) console.log(`all ${required.length} required rows are proven`);
  return missing.length === 0;
}

process.exitCode = main();
