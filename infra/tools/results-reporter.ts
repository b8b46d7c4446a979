import { relative, sep } from "node:path";

import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule } from "vitest/node";

import { writeResults } from "./test-results.ts";
import type { FileRecord, TestRecord } from "./test-results.ts";

/** A vitest reporter that writes `TestResults` and prints nothing. */
// oxlint-disable-next-line import/no-default-export -- vitest loads a reporter by its default export
export default class ResultsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const root = process.cwd();
    const files = modules.map((module) => fileRecord(root, module));
    writeResults(root, { files, unhandledErrors: unhandledErrors.length });
  }
}

function fileRecord(root: string, module: TestModule): FileRecord {
  const { duration, collectDuration } = module.diagnostic();
  const error = module
    .errors()
    .map((each) => each.message)
    .join("; ");
  return {
    path: relative(root, module.moduleId).split(sep).join("/"),
    durationMs: Math.round(duration + collectDuration),
    ...(error === "" ? {} : { error }),
    tests: Array.from(module.children.allTests(), testRecord),
  };
}

function testRecord(test: TestCase): TestRecord {
  const result = test.result();
  const measured = test.annotations().filter((each) => each.type === "measured");
  return {
    title: test.name,
    name: test.fullName,
    outcome: outcomeOf(result.state),
    ...(result.state === "skipped" && result.note !== undefined ? { reason: result.note } : {}),
    measured: measured.map((each) => each.message),
  };
}

/** A test that is still pending when the run ends did not pass. */
function outcomeOf(state: ReturnType<TestCase["result"]>["state"]): TestRecord["outcome"] {
  return state === "pending" ? "failed" : state;
}
