import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { checkDocCommands } from "./doc-commands.ts";
import { checkDocFaults } from "./doc-faults.ts";
import { checkDocIndex } from "./doc-index.ts";
import { checkDocLimits } from "./doc-limits.ts";
import { checkDocPaths } from "./doc-paths.ts";
import type { StepOutcome } from "./run-steps.ts";
import { treeFiles } from "./tree-files.ts";

/** What the documents name exists, and what must be explained is. */
export function checkDocuments(root: string): Promise<StepOutcome> {
  const documents = treeFiles(root, "**/*.md");
  const problems = [
    ...checkDocPaths(root, documents),
    ...checkDocCommands(root, documents),
    ...checkDocIndex(root, documents),
    ...limitProblems(root),
    ...faultProblems(root),
  ];
  return Promise.resolve({
    ok: problems.length === 0,
    output: problems.join("\n"),
    note: `${documents.length} documents`,
  });
}

/** A document is held to be complete as soon as it exists. */
function limitProblems(root: string): readonly string[] {
  const document = join(root, "docs", "limits.md");
  if (!existsSync(document)) return [];
  const source = readFileSync(join(root, "shared", "base", "limits.ts"), "utf8");
  return checkDocLimits(source, readFileSync(document, "utf8"));
}

function faultProblems(root: string): readonly string[] {
  const document = join(root, "docs", "failure.md");
  if (!existsSync(document)) return [];
  const sources = treeFiles(root, "{shared,control,node-agent,infra}/**/*.ts").map((path) =>
    readFileSync(join(root, path), "utf8"),
  );
  return checkDocFaults(sources, readFileSync(document, "utf8"));
}
