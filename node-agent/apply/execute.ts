import type { Clock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";
import { applyStepsAtOnceMax } from "#shared/base/limits.ts";

import type { FlowOutcome, Flows } from "./flows.ts";
import type { Step } from "./plan-change.ts";

/** What became of one step. */
export interface StepResult {
  readonly step: Step;
  readonly outcome: FlowOutcome;
  readonly ms: number;
}

export interface ExecuteDeps {
  readonly flows: Flows;
  readonly clock: Clock;
  /** Told of each result as it comes. */
  readonly onResult: (result: StepResult) => void;
  /** Whether something newer is wanted: the steps that have not begun are then left out. */
  readonly isOvertaken: () => boolean;
}

/**
 * Runs the steps: wave after wave, within a wave at most `applyStepsAtOnceMax` at a time. A step that
 * fails keeps none of the others from running; only what could not be removed is not started again.
 * Never rejects.
 */
export async function execute(
  deps: ExecuteDeps,
  waves: readonly (readonly Step[])[],
): Promise<void> {
  const stillThere = new Set<string>();
  const onResult = (result: StepResult): void => {
    const { step, outcome } = result;
    if (step.do === "remove" && !outcome.ok) stillThere.add(step.id);
    deps.onResult(result);
  };
  for (const wave of waves) {
    const steps = wave.filter((step) => step.do !== "start" || !stillThere.has(step.balancer.id));
    // oxlint-disable-next-line no-await-in-loop -- a wave needs what the one before freed
    await executeWave({ ...deps, onResult }, steps);
  }
}

async function executeWave(deps: ExecuteDeps, wave: readonly Step[]): Promise<void> {
  const waiting = [...wave];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      if (deps.isOvertaken()) return;
      // oxlint-disable-next-line no-await-in-loop -- a lane runs one step after the other
      deps.onResult(await executeStep(deps, step));
    }
  };
  await Promise.all(Array.from({ length: Math.min(applyStepsAtOnceMax, wave.length) }, lane));
}

async function executeStep({ flows, clock }: ExecuteDeps, step: Step): Promise<StepResult> {
  const startedMs = clock.monotonicMs();
  const outcome = await called(flows, step).catch(failed);
  return { step, outcome, ms: Math.max(0, Math.round(clock.monotonicMs() - startedMs)) };
}

function called(flows: Flows, step: Step): Promise<FlowOutcome> {
  switch (step.do) {
    case "start":
      return flows.start(step.balancer);
    case "update":
      return flows.update(step.balancer);
    case "remove":
      return flows.remove(step.id, step.drainTimeoutMs);
  }
}

/** A defect in one balancer's flow is that balancer's trouble only. */
function failed(error: unknown): FlowOutcome {
  const detail = errorText(error);
  return { ok: false, problems: [{ pointer: "", code: "internal-error", detail }] };
}
