import { planProblemsMax, planTextCharsMax } from "#shared/base/limits.ts";
import type { PlanFinding, PlanProblem } from "#shared/wire/plan.ts";

/** What a node saw of one aspect of a plan. */
export interface Seen {
  /** What would keep it from working. */
  readonly problems: readonly PlanProblem[];
  /** What was not looked at, and why. */
  readonly doubts: readonly PlanProblem[];
}

/** One problem makes it `no`, a doubt alone `unknown`. As many of both are listed as may be. */
export function findingOf({ problems, doubts }: Seen): PlanFinding {
  const unsure = doubts.length > 0 ? "unknown" : "yes";
  const all = [...problems, ...doubts];
  const listed = all.slice(0, planProblemsMax).map(({ pointer, code, detail }) => ({
    pointer: pointer.slice(0, 500),
    code: code.slice(0, 60),
    detail: detail.slice(0, planTextCharsMax),
  }));
  return {
    state: problems.length > 0 ? "no" : unsure,
    problems: listed,
    unlisted: all.length - listed.length,
  };
}

/** Problems, and nothing that was not looked at. */
export function certain(problems: readonly PlanProblem[]): Seen {
  return { problems, doubts: [] };
}

/** Nothing of it was looked at. */
export function notLookedAt(pointer: string, detail: string): Seen {
  return { problems: [], doubts: [doubt(pointer, detail)] };
}

/** Something that was not looked at. */
export function doubt(pointer: string, detail: string): PlanProblem {
  return { pointer, code: "not-looked-at", detail };
}
