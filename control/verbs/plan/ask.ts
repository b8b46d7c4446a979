import type { BalancerId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { askNodes, type AskedNodes } from "../question/ask.ts";

export interface AskPlanInput {
  /** The balancer that it would be; null for one that does not exist yet. */
  readonly balancer: BalancerId | null;
  /** Its secrets are references: what is asked lies in the database and goes to nodes as it is. */
  readonly definition: Balancer;
}

/**
 * Asks the connected nodes of a balancer's group what they would find. Scope `read`, and `write` for
 * a balancer that does not exist: nodes ask its sources and dial its backends, which are anybody's.
 */
export function askPlan(
  deps: Pick<VerbDeps, "database" | "ids">,
  actor: Actor,
  { balancer, definition }: AskPlanInput,
): Promise<AskedNodes> {
  requireScope(actor, balancer === null ? "write" : "read");
  const args = { balancer, definition };
  return askNodes(deps, actor, { name: "plan", group: definition.group, args });
}
