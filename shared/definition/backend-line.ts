import {
  backendsPerBalancerMax,
  countMax,
  hostCharsMax,
  patternCharsMax,
  problemsPerCheckMax,
  weightMax,
} from "../base/limits.ts";
import type { Problem } from "../base/problem.ts";
import { listedBackendSchema, type Backend } from "./backend.ts";
import { readHostPort, type HostPort } from "./host.ts";
import { understood, type Reading } from "./reading.ts";
import { readSocketPath, socketPathOf } from "./socket-path.ts";

/**
 * Backends as lines of text: `host:port [weight=N] [priority=N] [max_connections=N] [sni=NAME]`.
 *
 * `strict` is gobetween's grammar: the options in exactly that order, each after exactly one blank.
 * `any` takes them in any order and after any number of blanks. With `sockets` the target can be a
 * Unix socket, `unix:/path`.
 */
export interface LineOptions {
  readonly order: "strict" | "any";
  readonly sockets?: boolean;
}

export type ParsedLine =
  | { readonly ok: true; readonly backend: Backend }
  /** `token` is the part of the line that is wrong. */
  | { readonly ok: false; readonly token: string; readonly detail: string };

export interface ParsedLines {
  readonly backends: readonly Backend[];
  /** One for each line that was skipped; the pointer is `/` and the line's index from 0. */
  readonly problems: readonly Problem[];
}

/** The longest line that can be right: both names at their longest, four numbers, the keys. */
export const backendLineCharsMax = hostCharsMax + patternCharsMax + 256;

/** Options in the order that `strict` wants. */
const optionKeys = ["weight", "priority", "max_connections", "sni"] as const;
type OptionKey = (typeof optionKeys)[number];

const fieldOf = {
  weight: "weight",
  priority: "priority",
  max_connections: "maxConnections",
  sni: "sni",
} as const satisfies Record<OptionKey, keyof Backend>;

const numberMax = { weight: weightMax, priority: weightMax, max_connections: countMax } as const;

/** Understands one line; blanks and a carriage return around it do not matter. */
export function parseBackendLine(text: string, options: LineOptions): ParsedLine {
  const line = text.trim();
  if (line.length > backendLineCharsMax) return wrong(line, "the line is too long");
  const [target = "", ...tokens] = line.split(options.order === "strict" ? /\s/ : /\s+/);
  const hostPort = readTarget(target, options);
  if (!hostPort.ok) return wrong(target, hostPort.detail);
  const read = readOptions(tokens, options);
  if (!read.ok) return read;
  return { ok: true, backend: backendOf(hostPort.value, read.values) };
}

/**
 * Understands a text of one backend a line. Empty lines mean nothing; a line that is not understood
 * is skipped and reported, the others are kept. Stops after `backendsPerBalancerMax` backends.
 */
export function parseBackendLines(
  text: string,
  options: LineOptions = { order: "any" },
): ParsedLines {
  const backends: Backend[] = [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    if (backends.length === backendsPerBalancerMax || problems.length === problemsPerCheckMax) {
      problems.push(tooMany(index));
      break;
    }
    const parsed = parseBackendLine(line, options);
    if (parsed.ok) backends.push(parsed.backend);
    else problems.push(lineProblem(index, parsed));
  }
  return { backends, problems };
}

/** How a line's problem reads, wherever the line came from. */
export function lineProblemText(problem: {
  readonly token: string;
  readonly detail: string;
}): string {
  return `"${problem.token}": ${problem.detail}`;
}

function readTarget(text: string, { sockets = false }: LineOptions): Reading<HostPort> {
  const path = sockets ? socketPathOf(text) : undefined;
  if (path === undefined) return readHostPort(text);
  const reading = readSocketPath(path);
  return reading.ok ? understood({ host: text, port: 0 }) : reading;
}

/** What the line leaves out gets the defaults that a backend written as an object gets. */
function backendOf(target: HostPort, values: ReadonlyMap<OptionKey, string>): Backend {
  const given = [...values].map(([key, value]) => [
    fieldOf[key],
    key === "sni" ? value : Number(value),
  ]);
  return listedBackendSchema.parse({ ...target, ...Object.fromEntries(given) });
}

type ReadOptions =
  | { readonly ok: true; readonly values: ReadonlyMap<OptionKey, string> }
  | Extract<ParsedLine, { ok: false }>;

function readOptions(tokens: readonly string[], { order }: LineOptions): ReadOptions {
  const values = new Map<OptionKey, string>();
  for (const token of tokens) {
    const key = optionKeys.find((one) => token.startsWith(`${one}=`));
    if (key === undefined) return wrong(token, unknownOption(token));
    const value = token.slice(key.length + 1);
    const detail = placeProblem(key, [...values.keys()], order) ?? valueProblem(key, value);
    if (detail !== undefined) return wrong(token, detail);
    values.set(key, value);
  }
  return { ok: true, values };
}

function unknownOption(token: string): string {
  return token === ""
    ? "two blanks follow each other"
    : `is not one of ${optionKeys.map((key) => `${key}=`).join(", ")}`;
}

function placeProblem(
  key: OptionKey,
  before: readonly OptionKey[],
  order: string,
): string | undefined {
  if (before.includes(key)) return "is given twice";
  const isLate = before.some((other) => optionKeys.indexOf(other) > optionKeys.indexOf(key));
  return order === "strict" && isLate ? `the order is ${optionKeys.join(", ")}` : undefined;
}

function valueProblem(key: OptionKey, value: string): string | undefined {
  if (key === "sni") return sniProblem(value);
  const isRight = /^\d{1,10}$/.test(value) && Number(value) <= numberMax[key];
  return isRight ? undefined : `needs a whole number from 0 to ${numberMax[key]}`;
}

function sniProblem(value: string): string | undefined {
  if (value === "") return "needs a name";
  return value.length > patternCharsMax ? `has more than ${patternCharsMax} characters` : undefined;
}

function wrong(token: string, detail: string): Extract<ParsedLine, { ok: false }> {
  return { ok: false, token: token.length > 80 ? `${token.slice(0, 80)}…` : token, detail };
}

function lineProblem(index: number, problem: { token: string; detail: string }): Problem {
  return { pointer: `/${index}`, code: "invalid-line", detail: lineProblemText(problem) };
}

function tooMany(index: number): Problem {
  const detail = `the lines from here on are not read: at most ${backendsPerBalancerMax} backends`;
  return { pointer: `/${index}`, code: "too-large", detail };
}
