import type { AckFrame, ApplyError } from "#shared/wire/node-frames.ts";

import type { StepResult } from "./execute.ts";
import type { FailingBalancers } from "./running.ts";

/** What changed, one line a balancer; of one that was removed and started again the start counts. */
export function balancerOutcomes(results: readonly StepResult[]): AckFrame["balancers"] {
  const outcomes = new Map<string, AckFrame["balancers"][number]>();
  for (const { step, outcome, ms } of results) {
    if (!outcome.ok) continue;
    if (step.do === "remove") {
      const state = outcome.connections.drained > 0 ? "draining" : "removed";
      outcomes.set(step.id, { id: step.id, state, ms });
    } else {
      const { id } = step.balancer;
      outcomes.set(id, { id, state: "serving", ms });
    }
  }
  return [...outcomes.values()];
}

/** Connections that the steps touched, all together. */
export function touchedBy(results: readonly StepResult[]): AckFrame["connections"] {
  const sum = { kept: 0, drained: 0, cut: 0 };
  for (const { outcome } of results) {
    if (!outcome.ok) continue;
    sum.kept += outcome.connections.kept;
    sum.drained += outcome.connections.drained;
    sum.cut += outcome.connections.cut;
  }
  return sum;
}

/** Every reason why a balancer does not run as wanted. */
export function applyErrors(failing: FailingBalancers): readonly ApplyError[] {
  return [...failing].flatMap(([id, { problems }]) =>
    problems.map(({ pointer, code, detail }) => ({ id, pointer, code, detail })),
  );
}
