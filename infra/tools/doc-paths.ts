import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { codeSpans, linkTargets } from "./markdown.ts";

/** A path of ours, alone in a code span: starts with one of our folders, has no placeholder. */
const pathShape = /^(?:shared|control|node-agent|infra|test|docs|\.ci)\/[\w./@*-]*$/;

/** Every path that a document names leads somewhere: one line for each that does not. */
export function checkDocPaths(root: string, documents: readonly string[]): readonly string[] {
  return documents.flatMap((document) => {
    const markdown = readFileSync(join(root, document), "utf8");
    const paths = codeSpans(markdown)
      .filter(({ text }) => pathShape.test(text))
      .map(({ text, line }) => ({ text, line, path: text }));
    const links = linkTargets(markdown)
      .filter(({ text }) => !/^[a-z]+:/.test(text))
      .map(({ text, line }) => ({ text, line, path: join(dirname(document), text) }));
    return [...paths, ...links]
      .filter(({ path }) => !leadsSomewhere(root, path))
      .map(({ text, line }) => `${document}:${line} names ${text}, which does not exist`);
  });
}

/** A path that leaves the repository leads nowhere for whoever has only the repository. */
function leadsSomewhere(root: string, path: string): boolean {
  if (path.startsWith("..")) return false;
  if (path.includes("*")) return globSync(path, { cwd: root }).length > 0;
  return existsSync(join(root, path));
}
