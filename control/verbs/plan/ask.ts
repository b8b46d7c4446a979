import { newId, type BalancerId, type QuestionId } from "#shared/base/ids.ts";
import { planMsMax, planNodesMax } from "#shared/base/limits.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import {
  askableNodesOfTenant,
  insertQuestion,
  type AskableNode,
} from "../../storage/queries/questions.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";

export interface AskPlanInput {
  /** The balancer that it would be; null for one that does not exist yet. */
  readonly balancer: BalancerId | null;
  /** Its secrets are references: what is asked lies in the database and goes to nodes as it is. */
  readonly definition: Balancer;
}

/** Whom a plan was asked of. */
export interface AskedPlan {
  /** Null when nobody is there to be asked. */
  readonly question: QuestionId | null;
  /** Those that were asked, and those that would have been if they were connected. */
  readonly nodes: readonly Pick<AskableNode, "id" | "hostname" | "connected">[];
  /** Nodes of the group beyond `planNodesMax`. */
  readonly unasked: number;
}

/**
 * Asks the connected nodes of a balancer's group what they would find. Scope `read`, and `write` for
 * a balancer that does not exist: nodes ask its sources and dial its backends, which are anybody's.
 */
export async function askPlan(
  deps: Pick<VerbDeps, "database" | "ids">,
  actor: Actor,
  { balancer, definition }: AskPlanInput,
): Promise<AskedPlan> {
  requireScope(actor, balancer === null ? "write" : "read");
  const { tenantId } = actor;
  const question = newId("qst", deps.ids);
  return deps.database.asTenant(tenantId, async (tx) => {
    const which = { group: definition.group, limit: planNodesMax };
    const nodes = await askableNodesOfTenant(tx, tenantId, which);
    const unasked = (nodes[0]?.ofGroup ?? 0) - nodes.length;
    const asked = nodes.filter(({ connected }) => connected).map(({ id }) => id);
    if (asked.length === 0) return { question: null, nodes, unasked };
    const args = { balancer, definition };
    await insertQuestion(tx, tenantId, {
      ...{ id: question, name: "plan", args },
      ...{ nodes: asked, forMs: planMsMax },
    });
    return { question, nodes, unasked };
  });
}
