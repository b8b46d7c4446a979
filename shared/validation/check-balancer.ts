import { balancerBodyBytesMax, nameCharsMax } from "../base/limits.ts";
import type { Checked, Problem } from "../base/problem.ts";
import { balancerSchema, type Balancer } from "../definition/balancer.ts";
import { withDependentDefaults } from "./dependent-defaults.ts";
import { partsOf, rightPartsOf, type Parts } from "./parts.ts";
import { plainJson } from "./plain-json.ts";
import { boundedProblems, problemsOf } from "./problems-of.ts";
import { backendRules } from "./rules/backend-rules.ts";
import { bindRules } from "./rules/bind-rules.ts";
import { protocolRules } from "./rules/protocol-rules.ts";
import { strategyRules } from "./rules/strategy-rules.ts";
import { udpRules } from "./rules/udp-rules.ts";

/** Rules between sections: each looks at the sections it needs, as far as those are right. */
const rules: readonly ((parts: Parts) => readonly Problem[])[] = [
  bindRules,
  protocolRules,
  udpRules,
  backendRules,
  strategyRules,
];

/**
 * The one door for definitions: any value becomes a balancer in its stored form, or the list of
 * everything that is wrong with it, each with a JSON pointer into what was given and a code of
 * `ProblemCode`. Never throws. The stored form of a stored form is itself.
 */
export function checkBalancer(raw: unknown): Checked<Balancer> {
  const plain = plainJson(raw);
  const tooLarge = sizeProblems(plain.value);
  if (tooLarge.length > 0) return { ok: false, problems: tooLarge };
  if (!isObject(plain.value)) return { ok: false, problems: notAnObject(plain.problems) };
  const given = withDependentDefaults(plain.value);
  const parsed = balancerSchema.safeParse(given);
  const ownProblems = parsed.success ? [] : named(problemsOf(parsed.error, given), given);
  const before = [...plain.problems, ...outside(plain.problems, ownProblems)];
  const parts = parsed.success ? partsOf(parsed.data) : rightPartsOf(given, sectionsOf(before));
  const problems = [...before, ...rules.flatMap((rule) => rule(parts))];
  if (problems.length > 0) return { ok: false, problems: boundedProblems(problems) };
  return parsed.success ? stored(parsed.data) : { ok: false, problems };
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

function notAnObject(problems: readonly Problem[]): readonly Problem[] {
  const problem = { pointer: "", code: "invalid-type", detail: "a balancer is a JSON object" };
  return problems.length > 0 ? boundedProblems(problems) : [problem];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What was left out of the copy is not missing as well. */
function outside(leftOut: readonly Problem[], problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(
    ({ pointer }) =>
      !leftOut.some((one) => pointer === one.pointer || pointer.startsWith(`${one.pointer}/`)),
  );
}

/** Top-level keys that problems point into. */
function sectionsOf(problems: readonly Problem[]): ReadonlySet<string> {
  return new Set(problems.map(({ pointer }) => pointer.split("/")[1] ?? ""));
}

/** A missing section says of which balancer: callers write several at once. */
function named(
  problems: readonly Problem[],
  given: Readonly<Record<string, unknown>>,
): readonly Problem[] {
  const name = given["name"];
  if (typeof name !== "string") return problems;
  return problems.map((problem) =>
    problem.code === "required" && problem.pointer.lastIndexOf("/") === 0
      ? {
          ...problem,
          detail: `${problem.detail} (balancer ${JSON.stringify(name.slice(0, nameCharsMax))})`,
        }
      : problem,
  );
}
