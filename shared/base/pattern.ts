import { RE2JS } from "re2js";

import { patternCharsMax, patternCostMax } from "./limits.ts";

/** A compiled regular expression: RE2's syntax and semantics, linear in the length of the input. */
export interface Pattern {
  readonly text: string;
  /** Names of its groups, `(?P<name>…)`. */
  readonly groupNames: readonly string[];
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** What its named groups caught in the first match, those that caught nothing left out. */
  groupsIn(text: string): Readonly<Record<string, string>> | undefined;
  /** Whether it matches anywhere in the bytes, read as UTF-8; a byte that is none matches `.` only. */
  testBytes(bytes: Uint8Array): boolean;
}

export type CompiledPattern =
  | { readonly ok: true; readonly pattern: Pattern }
  | { readonly ok: false; readonly detail: string };

/**
 * Compiles a pattern, or says why not. Bounded before anything is compiled: a few characters of
 * counted repetition can ask for a program of hundreds of thousands of steps.
 */
export function compilePattern(text: string): CompiledPattern {
  if (text.length > patternCharsMax) {
    return refused(`a pattern has at most ${patternCharsMax} characters`);
  }
  if (patternCost(text) > patternCostMax) {
    return refused("its counted repetitions make the pattern too large");
  }
  try {
    return { ok: true, pattern: patternOf(text, RE2JS.compile(text)) };
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}

/**
 * An upper bound for the size of the compiled program, without compiling: the text's length times
 * the product of its counted repetitions. RE2 itself refuses products of nested ones above 1,000;
 * repetitions side by side add up to less than their product.
 */
export function patternCost(text: string): number {
  let factor = 1;
  for (const match of text.matchAll(/\{(?<from>\d+)(?:,(?<to>\d*))?\}/g)) {
    const count = Number(match.groups?.["to"] || match.groups?.["from"]);
    factor = Math.min(nestedRepeatsMax, factor * Math.max(1, count));
  }
  return text.length * factor;
}

/** RE2's own bound (`maxRepeat` in its parser). */
const nestedRepeatsMax = 1_000;

function patternOf(text: string, compiled: RE2JS): Pattern {
  return {
    text,
    groupNames: Object.keys(compiled.namedGroups()),
    test: (input) => compiled.test(input),
    groupsIn: (input) => caughtIn(compiled, input),
    testBytes: (bytes) => compiled.test(bytes),
  };
}

function caughtIn(compiled: RE2JS, input: string): Readonly<Record<string, string>> | undefined {
  const matcher = compiled.matcher(input);
  if (!matcher.find()) return undefined;
  const caught = Object.keys(compiled.namedGroups()).flatMap((name) => {
    const value = matcher.group(name);
    return value === null ? [] : [[name, value] as const];
  });
  return Object.fromEntries(caught);
}

function refused(detail: string): CompiledPattern {
  return { ok: false, detail };
}
