import { describe, expect, test } from "vitest";

import type { FileRecord, TestRecord } from "../../../infra/tools/test-results.ts";
import { summarise, totalLine } from "../../../infra/tools/test-summary.ts";

describe("the summary of a run", () => {
  test("counts passed, failed and skipped tests", () => {
    const summary = summariseFiles([
      file("test/shared/a.test.ts", [record("passed"), record("passed"), record("failed")]),
      file("test/e2e/b.test.ts", [record("skipped")]),
    ]);
    expect(totalLine(summary)).toBe("2 passed, 1 failed, 1 skipped");
  });

  test("counts a file that could not run, and an error nobody waited for, as failures", () => {
    const broken = { ...file("test/shared/a.test.ts", []), error: "cannot find module" };
    expect(summarise({ files: [broken], unhandledErrors: 1 }).failed).toBe(2);
  });

  test("adds up time by suite folder, in the order of the flow", () => {
    const summary = summariseFiles([
      file("test/e2e/x.test.ts", [record("passed")]),
      file("test/control/a.test.ts", [record("passed")]),
      file("test/shared/wire/b.test.ts", [record("passed")]),
      file("test/control/storage/c.test.ts", [record("passed"), record("passed")]),
    ]);
    expect(summary.suites).toEqual([
      { suite: "shared", files: 1, tests: 1, durationMs: 10 },
      { suite: "control", files: 2, tests: 3, durationMs: 20 },
      { suite: "e2e", files: 1, tests: 1, durationMs: 10 },
    ]);
  });

  test("names what was skipped, with the reason it gave", () => {
    const summary = summariseFiles([
      file("test/infra/a.test.ts", [{ ...record("skipped"), reason: "no Docker daemon" }]),
    ]);
    expect(summary.skippedLines).toEqual(["test/infra/a.test.ts: a test (no Docker daemon)"]);
  });

  test("tells the figures that tests measured", () => {
    const summary = summariseFiles([
      file("test/e2e/a.test.ts", [{ ...record("passed"), measured: ["p99 80 ms"] }]),
    ]);
    expect(summary.measuredLines).toEqual(["test/e2e/a.test.ts: a test: p99 80 ms"]);
  });
});

function summariseFiles(files: readonly FileRecord[]): ReturnType<typeof summarise> {
  return summarise({ files, unhandledErrors: 0 });
}

function file(path: string, tests: readonly TestRecord[]): FileRecord {
  return { path, durationMs: 10, tests };
}

function record(outcome: TestRecord["outcome"]): TestRecord {
  return { title: "a test", name: "a test", outcome, measured: [] };
}
