import type { Admission } from "./admit.ts";
import type { StepResult } from "./execute.ts";
import type { FlowProblem } from "./flows.ts";
import { balancerOf } from "./plan-change.ts";
import type { SafePlan } from "./plan-safely.ts";
import type { Failing, FailingBalancers } from "./running.ts";

/** What one run of the applier came to. */
export interface RunOutcome {
  readonly admission: Admission;
  readonly held: SafePlan["held"];
  readonly results: readonly StepResult[];
  /** Of the steps back to last good forms, where a swap of addresses went wrong. */
  readonly retreated: readonly StepResult[];
}

/** Every balancer that does not run as wanted after a run, and why. */
export function failingAfter({
  admission,
  held,
  results,
  retreated,
}: RunOutcome): FailingBalancers {
  const failing = new Map<string, Failing>();
  for (const [id, problems] of admission.refused) failing.set(id, { problems, retry: false });
  for (const [id, problems] of held) failing.set(id, { problems, retry: true });
  for (const { step, outcome } of results) {
    if (!outcome.ok) failing.set(balancerOf(step), { problems: outcome.problems, retry: true });
  }
  for (const { step, outcome } of retreated) {
    // One that could not be removed, or changed back, runs on as it is wanted.
    if (!outcome.ok && step.do !== "start") continue;
    const id = balancerOf(step);
    const known = failing.get(id);
    const more = outcome.ok ? givenBack : outcome.problems.map(ofLastGoodForm);
    if (known === undefined) failing.set(id, { problems: [...more], retry: true });
    else if (!outcome.ok) failing.set(id, { ...known, problems: [...known.problems, ...more] });
  }
  return failing;
}

/** A change that had succeeded is taken back, so that another balancer does not stay away. */
const givenBack: readonly FlowProblem[] = [
  {
    pointer: "/bind",
    code: "address-given-back",
    detail: "its new address is that of a balancer that could not change: both run as before",
  },
];

/** Pointers would lead into a definition that is no longer the one that is wanted. */
function ofLastGoodForm({ code, detail }: FlowProblem): FlowProblem {
  return { pointer: "", code, detail: `its last good form does not run either: ${detail}` };
}
