import { codeSpans } from "./markdown.ts";

/** A fault's code where it is made: `code: "storage/unavailable"`. */
const codeShape = /\bcode: "([a-z-]+\/[a-z-]+)"/g;

/** docs/failure.md tells about every fault that the sources can make: one line for each it lacks. */
export function checkDocFaults(sources: readonly string[], markdown: string): readonly string[] {
  const named = new Set(codeSpans(markdown).map((span) => span.text));
  const codes = sources.flatMap((source) =>
    Array.from(source.matchAll(codeShape), ([, code = ""]) => code),
  );
  return [...new Set(codes)]
    .filter((code) => !named.has(code))
    .toSorted()
    .map((code) => `docs/failure.md does not tell about the fault ${code}`);
}
