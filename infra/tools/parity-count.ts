import { idsIn } from "./parity-rows.ts";
import type { ParityRow } from "./parity-rows.ts";
import type { TestRecord, TestResults } from "./test-results.ts";

export interface SectionCount {
  readonly section: string;
  readonly proven: number;
  readonly known: number;
}

export interface ParityCount {
  readonly sections: readonly SectionCount[];
  readonly proven: readonly ParityRow[];
  readonly unproven: readonly ParityRow[];
  /** Ids that a test names and docs/parity.md does not know: a slip of the pen on either side. */
  readonly unknownIds: readonly string[];
}

/** Counts the proven rows: at least one passed test names the id, and no failed one does. */
export function countParity(rows: readonly ParityRow[], results: TestResults): ParityCount {
  const passed = idsOf(results, "passed");
  const failed = idsOf(results, "failed");
  const isProven = (row: ParityRow): boolean => passed.has(row.id) && !failed.has(row.id);
  const known = new Set(rows.map((row) => row.id));
  return {
    sections: sectionCounts(rows, isProven),
    proven: rows.filter(isProven),
    unproven: rows.filter((row) => !isProven(row)),
    unknownIds: [...passed, ...failed].filter((id) => !known.has(id)).toSorted(),
  };
}

function sectionCounts(
  rows: readonly ParityRow[],
  isProven: (row: ParityRow) => boolean,
): SectionCount[] {
  return [...Map.groupBy(rows, (row) => row.section)].map(([section, members]) => ({
    section,
    proven: members.filter(isProven).length,
    known: members.length,
  }));
}

function idsOf(results: TestResults, outcome: TestRecord["outcome"]): ReadonlySet<string> {
  const tests = results.files.flatMap((file) => file.tests);
  return new Set(
    tests.filter((test) => test.outcome === outcome).flatMap((test) => idsIn(test.title)),
  );
}
