import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { linkTargets } from "./markdown.ts";

/** The front page leads to every page of `docs`: one line for each that it does not. */
export function checkDocIndex(root: string, documents: readonly string[]): readonly string[] {
  const front = join(root, "README.md");
  if (!existsSync(front)) return [];
  const linked = new Set(linkTargets(readFileSync(front, "utf8")).map(({ text }) => text));
  return documents
    .filter((document) => /^docs\/[^/]+\.md$/.test(document) && !linked.has(document))
    .map((document) => `README.md does not lead to ${document}`);
}
