import { codeSpans } from "./markdown.ts";

/**
 * docs/limits.md and shared/base/limits.ts tell the same limits: every exported name is explained,
 * and every table row that starts with a name means a limit that exists.
 */
export function checkDocLimits(source: string, markdown: string): readonly string[] {
  const limits = Array.from(source.matchAll(/^export const (\w+)/gm), ([, name = ""]) => name);
  const named = new Set(codeSpans(markdown).map((span) => span.text));
  const rows = Array.from(markdown.matchAll(/^\| *`(\w+)`/gm), ([, name = ""]) => name);
  return [
    ...limits
      .filter((name) => !named.has(name))
      .map((name) => `docs/limits.md does not name ${name} of shared/base/limits.ts`),
    ...rows
      .filter((name) => !limits.includes(name))
      .map((name) => `docs/limits.md explains ${name}, which shared/base/limits.ts does not have`),
  ];
}
