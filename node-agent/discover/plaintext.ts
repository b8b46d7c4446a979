import type { LookupFunction } from "node:net";

import type { z } from "zod";

import { sourceTextBytesMax } from "#shared/base/limits.ts";
import { compilePattern } from "#shared/base/pattern.ts";
import type { plaintextDiscoverySchema } from "#shared/definition/discovery/plaintext.ts";

import type { DiscoverySource } from "./discovery.ts";
import { fetchPage } from "./http/http-page.ts";
import { readByPattern, readLines, readPlainLine, type ReadLine } from "./lines.ts";

export type PlaintextDiscovery = z.output<typeof plaintextDiscoverySchema>;

/** Backends from lines of text over HTTP, by the grammar of backend lines or a pattern. */
export function plaintextSource(
  lookup: LookupFunction,
  discovery: PlaintextDiscovery,
): DiscoverySource {
  const read = lineReader(discovery.regexPattern);
  return {
    fetch: async (signal) => {
      const page = await fetchPage(discovery, { lookup, bytesMax: sourceTextBytesMax, signal });
      return page.ok ? readLines(page.value, read, signal) : page;
    },
  };
}

function lineReader(pattern: string | undefined): ReadLine {
  if (pattern === undefined) return readPlainLine;
  const compiled = compilePattern(pattern);
  // The pattern was checked with its definition; if it were wrong, every line would be skipped.
  return compiled.ok ? readByPattern(compiled.pattern) : () => ({ problem: compiled.detail });
}
