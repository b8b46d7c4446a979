import { codeSpans } from "./markdown.ts";

/** Where a fault's code is made, as far as it goes: one code, or a choice between several. */
const codeExpression = /\bcode:([^,;{}]*)/g;

/** A fault's code: `"storage/unavailable"`. */
const codeShape = /"([a-z-]+\/[a-z-]+)"/g;

/** docs/failure.md tells about every fault that the sources can make: one line for each it lacks. */
export function checkDocFaults(sources: readonly string[], markdown: string): readonly string[] {
  const named = new Set(codeSpans(markdown).map((span) => span.text));
  return [...new Set(sources.flatMap(codesIn))]
    .filter((code) => !named.has(code))
    .toSorted()
    .map((code) => `docs/failure.md does not tell about the fault ${code}`);
}

function codesIn(source: string): readonly string[] {
  return Array.from(source.matchAll(codeExpression), ([, expression = ""]) => expression).flatMap(
    (expression) => Array.from(expression.matchAll(codeShape), ([, code = ""]) => code),
  );
}
