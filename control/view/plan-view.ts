import {
  planAspects,
  planResultSchema,
  type PlanResult,
  type PlanSource,
} from "#shared/wire/plan.ts";

import { heardNodes, type AskedNode, type StoredAnswer } from "./asked-nodes.ts";

/** How a node took a plan's question. */
export const planStates = ["answered", "silent", "away", "busy", "unsupported", "failed"] as const;
export type PlanState = (typeof planStates)[number];

/** What one node would find. */
export interface NodePlan {
  readonly node: string;
  readonly hostname: string;
  readonly state: PlanState;
  /** Whether every aspect is fine; null as long as one of them is not known. */
  readonly fits: boolean | null;
  readonly aspects: PlanResult["aspects"] | null;
  readonly backends: PlanResult["backends"] | null;
  /** How each source took it; null when the node does not say. */
  readonly sources: readonly PlanSource[] | null;
}

/** What the nodes of a group would find. */
export interface PlanView {
  readonly group: string;
  readonly nodes: readonly NodePlan[];
  readonly unasked: number;
}

/** One entry for every node, in their order. */
export function nodePlans(
  nodes: readonly AskedNode[],
  answers: readonly StoredAnswer[],
): readonly NodePlan[] {
  return heardNodes(nodes, answers).map(({ node: { id, hostname }, code, result }) => {
    const about = { node: id, hostname };
    if (code !== "done") return { ...about, state: stateOf(code), ...nothing };
    const parsed = planResultSchema.safeParse(result);
    if (!parsed.success) return { ...about, state: "failed", ...nothing };
    const { sources = null } = parsed.data;
    return { ...about, state: "answered", fits: fits(parsed.data), ...parsed.data, sources };
  });
}

const nothing = { fits: null, aspects: null, backends: null, sources: null };

function stateOf(code: string): PlanState {
  return planStates.find((state) => state === code) ?? "failed";
}

function fits({ aspects }: PlanResult): boolean | null {
  const states = planAspects.map((aspect) => aspects[aspect].state);
  if (states.includes("no")) return false;
  return states.includes("unknown") ? null : true;
}
