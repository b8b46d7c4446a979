import type { NodeId } from "#shared/base/ids.ts";
import { planAspects, planResultSchema, type PlanResult } from "#shared/wire/plan.ts";

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
}

/** What the nodes of a group would find. */
export interface PlanView {
  readonly group: string;
  readonly nodes: readonly NodePlan[];
  readonly unasked: number;
}

/** A node that was asked, or would have been. */
export interface PlannedNode {
  readonly id: NodeId;
  readonly hostname: string;
  readonly connected: boolean;
}

/** A node's answer as it is stored; a null `code` is none. */
export interface StoredAnswer {
  readonly nodeId: NodeId;
  readonly code: string | null;
  readonly result: unknown;
}

/** One entry for every node, in their order. */
export function nodePlans(
  nodes: readonly PlannedNode[],
  answers: readonly StoredAnswer[],
): readonly NodePlan[] {
  const byNode = new Map(answers.map((answer) => [answer.nodeId, answer]));
  return nodes.map(({ id, hostname, connected }) => {
    const about = { node: id, hostname };
    if (!connected) return { ...about, state: "away", ...nothing };
    const { code = null, result } = byNode.get(id) ?? {};
    if (code === null) return { ...about, state: "silent", ...nothing };
    if (code !== "done") return { ...about, state: stateOf(code), ...nothing };
    const parsed = planResultSchema.safeParse(result);
    if (!parsed.success) return { ...about, state: "failed", ...nothing };
    return { ...about, state: "answered", fits: fits(parsed.data), ...parsed.data };
  });
}

const nothing = { fits: null, aspects: null, backends: null };

function stateOf(code: string): PlanState {
  return code === "busy" || code === "unsupported" ? code : "failed";
}

function fits({ aspects }: PlanResult): boolean | null {
  const states = planAspects.map((aspect) => aspects[aspect].state);
  if (states.includes("no")) return false;
  return states.includes("unknown") ? null : true;
}
