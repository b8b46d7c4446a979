import { balancerBodyBytesMax, nameCharsMax } from "../base/limits.ts";
import type { Checked, Problem } from "../base/problem.ts";
import { balancerSchema, type Balancer } from "../definition/balancer.ts";
import { withDependentDefaults } from "./dependent-defaults.ts";
import { partsOf, rightPartsOf, type Parts } from "./parts.ts";
import { Places } from "./places.ts";
import { plainJson } from "./plain-json.ts";
import { ProblemList, type Finding, type Wrong } from "./problem-list.ts";
import { findingsOf } from "./problems-of.ts";
import { backendRules } from "./rules/backend-rules.ts";
import { bindRules } from "./rules/bind-rules.ts";
import { protocolRules } from "./rules/protocol-rules.ts";
import { proxyRules } from "./rules/proxy-rules.ts";
import { strategyRules } from "./rules/strategy-rules.ts";
import { udpRules } from "./rules/udp-rules.ts";

/** A rule between sections: it looks at the sections it needs, as far as those are right. */
export type Rule = (parts: Parts) => readonly Problem[];

const rules: readonly Rule[] = [
  bindRules,
  protocolRules,
  udpRules,
  backendRules,
  strategyRules,
  proxyRules,
];

/**
 * The one door for definitions: any value becomes a balancer in its stored form, or the list of
 * everything that is wrong with it, each with a JSON pointer into what was given and a code of
 * `ProblemCode`. Never throws. The stored form of a stored form is itself.
 *
 * @param more rules that hold for this document besides those that hold for all
 */
export function checkBalancer(raw: unknown, more: readonly Rule[] = []): Checked<Balancer> {
  const plain = plainJson(raw);
  const tooLarge = sizeProblems(plain.value);
  if (tooLarge.length > 0) return { ok: false, problems: tooLarge };
  if (!isObject(plain.value)) return { ok: false, problems: notAnObject(plain.leftOut) };
  const given = withDependentDefaults(plain.value);
  const parsed = balancerSchema.safeParse(given);
  const found = parsed.success ? [] : findingsOf(parsed.error, given);
  const before = [...plain.leftOut, ...outside(plain.leftOut, found)];
  const parts = parsed.success ? partsOf(parsed.data) : rightPartsOf(given, sectionsOf(before));
  const problems = listed(
    before.map((finding) => named(finding, given)),
    [...rules, ...more].flatMap((rule) => rule(parts)),
  );
  if (problems.length > 0) return { ok: false, problems };
  return parsed.success ? stored(parsed.data) : { ok: false, problems };
}

/** What was found in the sections, then what the rules between them say. */
function listed(findings: readonly Finding[], ruled: readonly Problem[]): readonly Problem[] {
  const list = new ProblemList();
  for (const finding of findings) list.add(finding);
  for (const problem of ruled) list.addProblem(problem);
  return list.problems();
}

function stored(balancer: Balancer): Checked<Balancer> {
  const problems = sizeProblems(balancer);
  return problems.length === 0 ? { ok: true, value: balancer } : { ok: false, problems };
}

function sizeProblems(value: unknown): readonly Problem[] {
  const text = JSON.stringify(value) ?? "";
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes <= balancerBodyBytesMax) return [];
  const detail = `has ${bytes} bytes; a balancer has at most ${balancerBodyBytesMax}`;
  return [{ pointer: "", code: "too-large", detail }];
}

function notAnObject(leftOut: readonly Finding[]): readonly Problem[] {
  const detail = "a balancer is a JSON object";
  const list = new ProblemList();
  for (const finding of leftOut) list.add(finding);
  if (leftOut.length === 0) list.addProblem({ pointer: "", code: "invalid-type", detail });
  return list.problems();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What was left out of the copy is not missing as well. */
function outside(leftOut: readonly Finding[], found: Iterable<Finding>): readonly Finding[] {
  const places = new Places();
  for (const { path } of leftOut) places.add(path);
  return [...found].filter(({ path }) => !places.holds(path));
}

/** Top-level keys that problems point into. */
function sectionsOf(findings: readonly Finding[]): ReadonlySet<string> {
  return new Set(findings.map(({ path }) => String(path[0] ?? "")));
}

/** A missing section says of which balancer: callers write several at once. */
function named(finding: Finding, given: Readonly<Record<string, unknown>>): Finding {
  const name = given["name"];
  if (typeof name !== "string" || finding.path.length !== 1) return finding;
  const text = JSON.stringify(name.slice(0, nameCharsMax));
  const wrong = (): Wrong => {
    const { code, detail } = finding.wrong();
    return { code, detail: code === "required" ? `${detail} (balancer ${text})` : detail };
  };
  return { path: finding.path, wrong };
}
