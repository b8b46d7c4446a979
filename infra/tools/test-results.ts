import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** One test of the last run; `name` is its full name, `title` only its own part. */
export interface TestRecord {
  readonly title: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it was skipped, when the test said so. */
  readonly reason?: string;
  /** Figures the test wants printed: `annotate("p50 12 ms", "measured")`. */
  readonly measured: readonly string[];
}

export interface FileRecord {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly durationMs: number;
  /** Set when the file could not be loaded or a suite's own hook failed: it counts as a failure. */
  readonly error?: string;
  readonly tests: readonly TestRecord[];
}

/** What `npm test` leaves behind for its summary and for `npm run parity`. */
export interface TestResults {
  readonly files: readonly FileRecord[];
  /** Errors that no test was waiting for. */
  readonly unhandledErrors: number;
}

/** Where the results of the last run lie; git ignores the folder. */
export function resultsPath(root: string): string {
  return join(root, "test", ".results", "results.json");
}

export function writeResults(root: string, results: TestResults): void {
  mkdirSync(dirname(resultsPath(root)), { recursive: true });
  writeFileSync(resultsPath(root), JSON.stringify(results));
}

/** The last run's results, or undefined when none was left. */
export function readResults(root: string): TestResults | undefined {
  try {
    return parsed(readFileSync(resultsPath(root), "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Guarantee: the text was written by `writeResults` of the same checkout. */
function parsed(text: string): TestResults {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(text) as TestResults;
}
