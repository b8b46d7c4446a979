import type { Problem } from "#shared/base/problem.ts";
import type { ProblemCode } from "#shared/definition/problem-code.ts";

/** A problem with a code of the closed list. */
export function certificateProblem(pointer: string, code: ProblemCode, detail: string): Problem {
  return { pointer, code, detail };
}
