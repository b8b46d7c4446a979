import type { VerifiedBalancer } from "./flows.ts";
import { getsInTheWay } from "./plan-change.ts";
import type { Running } from "./running.ts";

export interface RetreatInput {
  /** What ran before the changes. */
  readonly before: Running;
  /** What runs now. */
  readonly running: Running;
  /** The last good forms of balancers that are wanted and do not run. */
  readonly missing: readonly VerifiedBalancer[];
}

/**
 * What shall run where a swap of addresses went wrong half-way: the missing balancers in their last
 * good form, and whoever sits on their addresses by now in the form it had before. A balancer whose
 * address is taken by one that has no such form is left out: the address is really taken.
 */
export function retreat({ before, running, missing }: RetreatInput): Running {
  let forms: Running = running;
  for (const form of missing) {
    const moved = movedFor(form, { before, running: forms });
    if (moved !== undefined) forms = new Map([...forms, ...moved]);
  }
  return forms;
}

/** The forms that make room for this one, itself included; undefined when there is no room. */
function movedFor(
  missing: VerifiedBalancer,
  { before, running }: Pick<RetreatInput, "before" | "running">,
): Running | undefined {
  const moved = new Map([[missing.id, missing]]);
  // Grows while it is walked: whoever moves back may need room as well.
  for (const form of moved.values()) {
    for (const other of running.values()) {
      if (moved.has(other.id) || !getsInTheWay(other, form)) continue;
      const earlier = before.get(other.id);
      if (earlier === undefined || earlier.hash === other.hash) return undefined;
      if ([...moved.values()].some((one) => getsInTheWay(earlier, one))) return undefined;
      moved.set(other.id, earlier);
    }
  }
  return moved;
}
