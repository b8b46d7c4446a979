import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { expandIdRanges } from "../../../infra/tools/id-ranges.ts";
import { countParity } from "../../../infra/tools/parity-count.ts";
import { idsIn, parseParityRows } from "../../../infra/tools/parity-rows.ts";
import type { TestRecord, TestResults } from "../../../infra/tools/test-results.ts";

const document = [
  "# Parity",
  "A sentence that names F-TCP-01 is no row.",
  "## 1. Relay",
  "| id | feature | condition |",
  "| --- | --- | --- |",
  "| F-TCP-01 | relay | bytes arrive |",
  "| F-TCP-02 | limit | the next one is closed |",
  "| F-TCP-03 | count | it shows |",
  "## 2. Beyond",
  "| X-TCP-18 | half-close | the reply arrives |",
].join("\n");
const rows = parseParityRows(document);

describe("the rows of the document", () => {
  test("are those of its tables, each under its heading", () => {
    expect(rows.map((row) => [row.id, row.section])).toEqual([
      ["F-TCP-01", "1. Relay"],
      ["F-TCP-02", "1. Relay"],
      ["F-TCP-03", "1. Relay"],
      ["X-TCP-18", "2. Beyond"],
    ]);
    expect(rows[0]).toMatchObject({ feature: "relay", condition: "bytes arrive" });
  });

  test.for([
    ["an id twice", "## s\n| F-A-01 | a | b |\n| F-A-01 | a | b |", "stands twice"],
    ["a missing condition", "## s\n| F-A-01 | a |", "is not a row"],
    ["a malformed id", "## s\n| F-A-1 | a | b |", "is not a row"],
    ["a row without a section", "| F-A-01 | a | b |", "is not a row"],
  ] as const)("are refused for %s", ([, markdown, message]) => {
    expect(() => parseParityRows(markdown)).toThrow(message);
  });

  test("are 377 in docs/parity.md", () => {
    const path = join(import.meta.dirname, "../../../docs/parity.md");
    expect(parseParityRows(readFileSync(path, "utf8"))).toHaveLength(377);
  });
});

test("a title proves every id it names, and nothing that only looks like one", () => {
  expect(idsIn("F-BAL-09 X-TCP-18 in order, like F-BAL-9 or XF-BAL-10")).toEqual([
    "F-BAL-09",
    "X-TCP-18",
  ]);
});

describe("ranges", () => {
  test("name single rows and all rows between two", () => {
    expect(expandIdRanges("X-TCP-18, F-TCP-01..03", rows)).toEqual([
      "X-TCP-18",
      "F-TCP-01",
      "F-TCP-02",
      "F-TCP-03",
    ]);
  });

  test.for([
    ["past the last row", "F-TCP-01..04", "no row F-TCP-04"],
    ["backwards", "F-TCP-03..01", "runs backwards"],
    ["across kinds", "F-TCP-01..X-TCP-18", "is not an id or a range"],
    ["empty", "", "is not an id or a range"],
  ] as const)("are refused: %s", ([, text, message]) => {
    expect(() => expandIdRanges(text, rows)).toThrow(message);
  });
});

describe("a row is proven", () => {
  test("by a passed test that names it, unless another that names it failed", () => {
    const count = countParity(
      rows,
      resultsOf([
        ["F-TCP-01 arrives", "passed"],
        ["F-TCP-02 closes", "passed"],
        ["F-TCP-02 closes at once", "failed"],
        ["F-TCP-03 shows", "skipped"],
        ["X-TCP-18 F-TCP-01 both", "passed"],
      ]),
    );
    expect(count.proven.map((row) => row.id)).toEqual(["F-TCP-01", "X-TCP-18"]);
    expect(count.unproven.map((row) => row.id)).toEqual(["F-TCP-02", "F-TCP-03"]);
    expect(count.sections).toEqual([
      { section: "1. Relay", proven: 1, known: 3 },
      { section: "2. Beyond", proven: 1, known: 1 },
    ]);
  });

  test("never by the name of a group of tests", () => {
    const count = countParity(rows, resultsOf([["inner", "passed"]], "F-TCP-01 group > inner"));
    expect(count.proven).toEqual([]);
  });

  test("only when it exists: other ids are told", () => {
    const count = countParity(rows, resultsOf([["F-TCP-99 typo", "passed"]]));
    expect(count.unknownIds).toEqual(["F-TCP-99"]);
  });
});

function resultsOf(
  tests: readonly (readonly [string, TestRecord["outcome"]])[],
  name = "name",
): TestResults {
  const records = tests.map(([title, outcome]) => ({ title, name, outcome, measured: [] }));
  return { files: [{ path: "test/a.test.ts", durationMs: 1, tests: records }], unhandledErrors: 0 };
}
