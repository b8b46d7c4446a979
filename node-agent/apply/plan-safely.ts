import type { FlowProblem, Flows } from "./flows.ts";
import { balancerOf, type Step } from "./plan-change.ts";
import { plan, type Wanted } from "./plan.ts";
import type { Running } from "./running.ts";

export interface SafePlan {
  readonly waves: readonly (readonly Step[])[];
  /** Balancers that are not touched because their change cannot succeed, and why, by id. */
  readonly held: ReadonlyMap<string, readonly FlowProblem[]>;
}

export interface SafePlanInput {
  readonly running: Running;
  readonly wanted: Wanted;
  /** Whose changes are not to be tried where another balancer would have to be removed for them. */
  readonly doubtful: SafePlan["held"];
}

/**
 * Plans as `plan` does. Where a balancer would be removed only to make room (addresses that are
 * swapped), all that want addresses are asked first whether they could have them: nothing that
 * serves is taken apart for a change that cannot succeed.
 */
export async function planSafely(
  flows: Pick<Flows, "obstacles">,
  { running, wanted, doubtful }: SafePlanInput,
): Promise<SafePlan> {
  let held: SafePlan["held"] = new Map();
  for (;;) {
    const waves = plan(running, withHeld(wanted, held));
    if (displacedBy(waves).size === 0) return { waves, held };
    const isFirst = held.size === 0 && doubtful.size > 0;
    // oxlint-disable-next-line no-await-in-loop -- every round plans without those found before
    const found = isFirst ? doubtful : await obstaclesOf(flows, waves);
    if (found.size === 0) return { waves, held };
    held = new Map([...held, ...found]);
  }
}

function withHeld({ balancers, kept }: Wanted, held: SafePlan["held"]): Wanted {
  if (held.size === 0) return { balancers, kept };
  return {
    balancers: balancers.filter(({ id }) => !held.has(id)),
    kept: new Set([...kept, ...held.keys()]),
  };
}

/** Balancers that are removed and started again. */
function displacedBy(waves: SafePlan["waves"]): ReadonlySet<string> {
  const steps = waves.flat();
  const removed = new Set(steps.filter((step) => step.do === "remove").map(balancerOf));
  const started = steps.filter((step) => step.do === "start").map(balancerOf);
  return new Set(started.filter((id) => removed.has(id)));
}

async function obstaclesOf(
  flows: Pick<Flows, "obstacles">,
  waves: SafePlan["waves"],
): Promise<SafePlan["held"]> {
  const asked = await Promise.all(
    waves.flat().map(async (step): Promise<readonly [string, readonly FlowProblem[]]> => {
      const problems = step.do === "remove" ? [] : await flows.obstacles(step.balancer);
      return [balancerOf(step), problems];
    }),
  );
  return new Map(asked.filter(([, problems]) => problems.length > 0));
}
