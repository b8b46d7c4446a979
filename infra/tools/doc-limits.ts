import { codeSpans } from "./markdown.ts";

/**
 * docs/limits.md and shared/base/limits.ts tell the same limits, in the same groups and order: every
 * exported name is explained, and every table row that starts with a name means a limit that exists.
 */
export function checkDocLimits(source: string, markdown: string): readonly string[] {
  const limits = namesIn(source, /^export const (\w+)/gm);
  const named = new Set(codeSpans(markdown).map((span) => span.text));
  const rows = namesIn(markdown, /^\| *`(\w+)`/gm);
  const differences = [
    ...limits
      .filter((name) => !named.has(name))
      .map((name) => `docs/limits.md does not name ${name} of shared/base/limits.ts`),
    ...rows
      .filter((name) => !limits.includes(name))
      .map((name) => `docs/limits.md explains ${name}, which shared/base/limits.ts does not have`),
  ];
  return differences.length > 0 ? differences : orderProblems(source, markdown);
}

/** The first place where the document goes on otherwise than the source, with a group or a limit. */
function orderProblems(source: string, markdown: string): readonly string[] {
  const wanted = namesIn(source, /^(?:export const |\/\/ -+ )(\w.*?)(?: = | -+$|:)/gm);
  const known = new Set(wanted.map((name) => name.toLowerCase()));
  const written = namesIn(markdown, /^(?:\| *`|## )([^`\n]+)/gm).filter((name) =>
    known.has(name.toLowerCase()),
  );
  const index = wanted.findIndex(
    (name, place) => name.toLowerCase() !== written[place]?.toLowerCase(),
  );
  const there = written[index] ?? "nothing";
  return index < 0
    ? []
    : [`docs/limits.md has ${there} where shared/base/limits.ts has ${wanted[index] ?? ""}`];
}

function namesIn(text: string, pattern: RegExp): readonly string[] {
  return Array.from(text.matchAll(pattern), ([, name = ""]) => name);
}
