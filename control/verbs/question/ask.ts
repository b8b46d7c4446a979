import { newId, type QuestionId } from "#shared/base/ids.ts";
import { planMsMax, planNodesMax } from "#shared/base/limits.ts";

import type { QuestionName } from "../../node-rows.ts";
import {
  askableNodesOfTenant,
  insertQuestion,
  type AskableNode,
} from "../../storage/queries/questions.ts";
import type { Actor, VerbDeps } from "../actor.ts";

export interface QuestionToNodes {
  readonly name: QuestionName;
  readonly args: unknown;
  /** The nodes of this group are asked. */
  readonly group: string;
  /** What an agent has to name to be asked. */
  readonly capability?: string;
}

/** Whom a question was put to. */
export interface AskedNodes {
  /** Null when nobody is there to be asked. */
  readonly question: QuestionId | null;
  /** Those that were asked, and those that would have been if they were connected and able. */
  readonly nodes: readonly Omit<AskableNode, "ofGroup">[];
  /** Nodes of the group beyond `planNodesMax`. */
  readonly unasked: number;
}

/** Puts a question to the connected nodes of a group. */
export async function askNodes(
  deps: Pick<VerbDeps, "database" | "ids">,
  { tenantId }: Pick<Actor, "tenantId">,
  { name, args, ...which }: QuestionToNodes,
): Promise<AskedNodes> {
  const question = newId("qst", deps.ids);
  return deps.database.asTenant(tenantId, async (tx) => {
    const nodes = await askableNodesOfTenant(tx, tenantId, { ...which, limit: planNodesMax });
    const unasked = (nodes[0]?.ofGroup ?? 0) - nodes.length;
    const asked = nodes.filter(({ connected, able }) => connected && able).map(({ id }) => id);
    if (asked.length === 0) return { question: null, nodes, unasked };
    const put = { id: question, name, args, nodes: asked, forMs: planMsMax };
    await insertQuestion(tx, tenantId, put);
    return { question, nodes, unasked };
  });
}
