import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

/** The stored form, or a failed test that says what is wrong. */
export function stored(raw: unknown): Balancer {
  const checked = checkBalancer(raw);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

export function problemsOf(raw: unknown): readonly Problem[] {
  const checked = checkBalancer(raw);
  return checked.ok ? [] : checked.problems;
}

/** Every problem as `pointer code`. */
export function codesOf(raw: unknown): readonly string[] {
  return problemsOf(raw).map(({ pointer, code }) => `${pointer} ${code}`);
}
