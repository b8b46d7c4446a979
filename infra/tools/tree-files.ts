import { globSync, statSync } from "node:fs";
import { join } from "node:path";

/** What git ignores as well: installed, produced or somebody's data. */
const notOurs = [
  ...["**/node_modules", ".git", "**/.midstream", "coverage", "test/.results"],
  "node-agent/engine/native/build",
];

/** The project's files that match `pattern`, relative to `root`, sorted. */
export function treeFiles(root: string, pattern: string): readonly string[] {
  return globSync([pattern, `.*/${pattern}`], { cwd: root, exclude: notOurs })
    .filter((path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true)
    .toSorted();
}
