import { setImmediate as nextTurn } from "node:timers/promises";

import { sourceLinesAtOnceMax } from "#shared/base/limits.ts";
import type { Pattern } from "#shared/base/pattern.ts";
import {
  backendLineCharsMax,
  lineProblemText,
  parseBackendLine,
} from "#shared/definition/backend-line.ts";
import type { Backend } from "#shared/definition/backend.ts";

import { failedFetch, type Fetched } from "./discovery.ts";
import { Gathering } from "./gathering.ts";
import { readBackend, wholeNumber } from "./read-backend.ts";

/** A backend of one line, or what is wrong with it. */
export type ReadLine = (line: string) => Backend | { readonly problem: string };

/** The grammar of backend lines, with its options in any order. */
export const readPlainLine: ReadLine = (line) => {
  const parsed = parseBackendLine(line, { order: "any" });
  return parsed.ok ? parsed.backend : { problem: lineProblemText(parsed) };
};

/** A line by the named groups of a pattern; other groups mean nothing. */
export function readByPattern(pattern: Pattern): ReadLine {
  return (line) => {
    if (line.length > backendLineCharsMax) return { problem: "the line is too long" };
    const groups = pattern.groupsIn(line);
    if (groups === undefined) return { problem: "the pattern does not match" };
    const backend = readBackend({
      host: groups["host"] ?? "",
      port: wholeNumber(groups["port"]) ?? Number.NaN,
      weight: wholeNumber(groups["weight"]),
      priority: wholeNumber(groups["priority"]),
      maxConnections: wholeNumber(groups["max_connections"]),
      sni: groups["sni"],
    });
    return backend ?? { problem: "the pattern caught no usable host and port" };
  };
}

/**
 * One backend a line; empty lines mean nothing, and a line that is not understood is skipped. Other
 * work gets its turn in between.
 */
export async function readLines(
  text: string,
  read: ReadLine,
  signal: AbortSignal,
): Promise<Fetched> {
  const gathering = new Gathering();
  for (const [index, line] of text.split("\n").entries()) {
    // oxlint-disable-next-line no-await-in-loop -- the pause is the point
    if (index % sourceLinesAtOnceMax === sourceLinesAtOnceMax - 1) await nextTurn();
    if (signal.aborted) return failedFetch("aborted", "the fetch was ended");
    const trimmed = line.trim();
    if (trimmed === "") continue;
    if (!gathering.hasRoom()) break;
    const backend = read(trimmed);
    if ("problem" in backend) gathering.skip(`line ${index + 1}: ${backend.problem}`);
    else gathering.add(backend);
  }
  return gathering.list();
}
