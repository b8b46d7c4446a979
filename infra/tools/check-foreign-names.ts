import { readFileSync } from "node:fs";
import { join } from "node:path";

import { foreignNames } from "./foreign-names.ts";
import type { StepOutcome } from "./run-steps.ts";
import { treeFiles } from "./tree-files.ts";

/** No file of the tree names what is not part of the project. */
export function checkForeignNames(root: string): Promise<StepOutcome> {
  const files = [...treeFiles(root, "**/*"), ...treeFiles(root, ".*")];
  const problems = files.flatMap((path) =>
    foreignNames(path, readFileSync(join(root, path), "utf8")),
  );
  return Promise.resolve({
    ok: problems.length === 0,
    output: problems.join("\n"),
    note: `${files.length} files`,
  });
}
