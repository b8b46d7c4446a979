import type { FileRecord, TestRecord, TestResults } from "./test-results.ts";

/** Suite folders in the order they are told; a folder that is not listed comes last. */
const suiteOrder = ["shared", "control", "node-agent", "infra", "contracts", "e2e", "faults"];

export interface SuiteSummary {
  readonly suite: string;
  readonly files: number;
  readonly tests: number;
  /** The files' own times added up: what the suite costs, however many run side by side. */
  readonly durationMs: number;
}

export interface TestSummary {
  readonly suites: readonly SuiteSummary[];
  readonly passed: number;
  /** Failed tests, files that could not run, and errors nobody waited for. */
  readonly failed: number;
  readonly skipped: number;
  /** One line per skipped test: where, what, and why when it said so. */
  readonly skippedLines: readonly string[];
  /** One line per measured figure. */
  readonly measuredLines: readonly string[];
}

/** Adds up one run. */
export function summarise(results: TestResults): TestSummary {
  const tests = results.files.flatMap((file) => file.tests);
  const count = (outcome: TestRecord["outcome"]): number =>
    tests.filter((test) => test.outcome === outcome).length;
  const brokenFiles = results.files.filter((file) => file.error !== undefined).length;
  return {
    suites: suiteSummaries(results.files),
    passed: count("passed"),
    failed: count("failed") + brokenFiles + results.unhandledErrors,
    skipped: count("skipped"),
    skippedLines: linesOf(results.files, skippedLinesOf),
    measuredLines: linesOf(results.files, (test) =>
      test.measured.map((figure) => `${test.name}: ${figure}`),
    ),
  };
}

/** The line that whoever runs the tests reads last. */
export function totalLine(summary: TestSummary): string {
  return `${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`;
}

function suiteSummaries(files: readonly FileRecord[]): SuiteSummary[] {
  const groups = Map.groupBy(files, (file) => suiteOf(file.path));
  const rank = (suite: string): number => suiteOrder.indexOf(suite) + 1 || suiteOrder.length + 1;
  return [...groups]
    .toSorted(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
    .map(([suite, members]) => ({
      suite,
      files: members.length,
      tests: members.reduce((sum, file) => sum + file.tests.length, 0),
      durationMs: members.reduce((sum, file) => sum + file.durationMs, 0),
    }));
}

function suiteOf(path: string): string {
  return path.split("/")[1] ?? path;
}

function skippedLinesOf(test: TestRecord): string[] {
  if (test.outcome !== "skipped") return [];
  return [test.reason === undefined ? test.name : `${test.name} (${test.reason})`];
}

function linesOf(
  files: readonly FileRecord[],
  linesOfTest: (test: TestRecord) => readonly string[],
): string[] {
  return files.flatMap((file) =>
    file.tests.flatMap((test) => linesOfTest(test).map((line) => `${file.path}: ${line}`)),
  );
}
