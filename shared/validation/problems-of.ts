import type { z } from "zod";

import type { Problem } from "../base/problem.ts";
import type { ProblemCode } from "../definition/problem-code.ts";
import { ProblemList, type Finding, type Wrong } from "./problem-list.ts";
import { oneOf, oneOfThese } from "./value-words.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The problems that zod found in `raw`, as many as one answer lists; see `findingsOf`. */
export function problemsOf(error: z.ZodError, raw: unknown): readonly Problem[] {
  const list = new ProblemList();
  for (const finding of findingsOf(error, raw)) list.add(finding);
  return list.problems();
}

/**
 * What zod found in `raw`: a problem for each unknown key, and for a value that fits none of several
 * shapes those of the shape that was meant.
 */
export function* findingsOf(error: z.ZodError, raw: unknown): Generator<Finding> {
  for (const issue of error.issues) yield* findingsOfIssue(issue, [], raw);
}

function* findingsOfIssue(issue: Issue, base: Path, raw: unknown): Generator<Finding> {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") yield* unknownKeys(issue, path);
  else if (issue.code === "invalid_union") yield* findingsOfUnion(issue, path, raw);
  else yield { path, wrong: () => whatIsWrong(issue, valueAt(raw, path)) };
}

type PlainIssue = Exclude<Issue, { code: "unrecognized_keys" | "invalid_union" }>;

function whatIsWrong(issue: PlainIssue, given: unknown): Wrong {
  switch (issue.code) {
    case "invalid_type":
    case "invalid_value":
      return wrongValue(issue, given);
    case "too_big":
      return outOfRange(issue.origin, `at most ${issue.maximum}`);
    case "too_small":
      return outOfRange(issue.origin, `at least ${issue.minimum}`);
    case "custom":
      return { code: codeOf(issue), detail: issue.message };
    case "invalid_key":
      return { code: "invalid-format", detail: issue.issues[0]?.message ?? issue.message };
    case "invalid_format":
    case "invalid_element":
    case "not_multiple_of":
      return { code: "invalid-format", detail: formatText(issue.message) };
  }
}

/** Zod's own words (`Invalid email address`, `Invalid string: must …`) as a sentence about it. */
function formatText(message: string): string {
  return message.replace(/^Invalid \w+: /, "").replace(/^Invalid /, "is not a valid ");
}

function wrongValue(
  issue: z.core.$ZodIssueInvalidType | z.core.$ZodIssueInvalidValue,
  given: unknown,
): Wrong {
  const wanted =
    issue.code === "invalid_type" ? withArticle(issue.expected) : oneOfThese(issue.values, given);
  if (given === undefined) return { code: "required", detail: `is missing: ${wanted}` };
  const code = issue.code === "invalid_type" ? "invalid-type" : "unknown-value";
  return { code, detail: `must be ${wanted}` };
}

function* unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys, path: Path): Generator<Finding> {
  const details = issue.message.split("\n");
  for (const [index, key] of issue.keys.entries()) {
    const detail = details[index] ?? "is not known here";
    yield { path: [...path, key], wrong: () => ({ code: "unknown-key", detail }) };
  }
}

function* findingsOfUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  raw: unknown,
): Generator<Finding> {
  const meant = issue.errors.length === 0 ? undefined : meantShape(issue.errors);
  if (meant !== undefined) for (const inner of meant) yield* findingsOfIssue(inner, path, raw);
  else if (issue.errors.length === 0) yield { path, wrong: () => kindProblem(issue, path, raw) };
  else yield { path, wrong: () => ({ code: unionCode(issue, path, raw), detail: issue.message }) };
}

function unionCode(issue: z.core.$ZodIssueInvalidUnion, path: Path, raw: unknown): ProblemCode {
  if (valueAt(raw, path) === undefined) return "required";
  return issue.errors.some(isRightType) ? "one-of" : "invalid-type";
}

/** A discriminator that names no kind: one problem, whatever else the section holds. */
function kindProblem(issue: z.core.$ZodIssueInvalidUnion, path: Path, raw: unknown): Wrong {
  const kinds =
    "options" in issue && Array.isArray(issue.options) ? oneOf(issue.options) : "a kind";
  return valueAt(raw, path) === undefined
    ? { code: "required", detail: `is missing: ${kinds}` }
    : { code: "unknown-kind", detail: `must be ${kinds}` };
}

/**
 * The shape whose problems help most: of those of the right type the only one that knows every key,
 * else the only one with the fewest problems; undefined when nothing tells them apart.
 */
function meantShape(shapes: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const rightType = shapes.filter(isRightType);
  const knowing = rightType.filter((issues) => !issues.some(isUnknownKeyHere));
  if (knowing.length === 1) return knowing[0];
  const [best, second] = rightType.toSorted((a, b) => a.length - b.length);
  return second === undefined || (best !== undefined && best.length < second.length)
    ? best
    : undefined;
}

function isRightType(issues: readonly Issue[]): boolean {
  return !issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0);
}

function isUnknownKeyHere(issue: Issue): boolean {
  return issue.code === "unrecognized_keys" && issue.path.length === 0;
}

function codeOf(issue: z.core.$ZodIssueCustom): ProblemCode {
  const code: unknown = issue.params?.["code"];
  return isProblemCode(code) ? code : "invalid-format";
}

/** Guarantee: our own schemas put nothing else there (see `refuse`). */
function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === "string";
}

function outOfRange(origin: string, bound: string): Wrong {
  const units: Readonly<Record<string, string>> = { string: " characters", array: " items" };
  const unit = units[origin];
  const detail = unit === undefined ? `must be ${bound}` : `must have ${bound}${unit}`;
  return { code: "out-of-range", detail };
}

/** Kinds of values whose name in a schema is not the word for people. */
const nouns: Readonly<Record<string, string>> = { int: "whole number", record: "object" };

function withArticle(kind: string): string {
  const noun = nouns[kind] ?? kind;
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** What stands at a path, own properties only; undefined when nothing does. */
function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
