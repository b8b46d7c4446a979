import type { NodeId } from "#shared/base/ids.ts";

/** A node that was asked, or would have been. */
export interface AskedNode {
  readonly id: NodeId;
  readonly hostname: string;
  readonly connected: boolean;
  /** Its agent knows the question. */
  readonly able: boolean;
}

/** A node's answer as it is stored; a null `code` is none. */
export interface StoredAnswer {
  readonly nodeId: NodeId;
  readonly code: string | null;
  readonly result: unknown;
}

/** What came of asking one node. */
export interface HeardNode {
  readonly node: AskedNode;
  /** `away` and `unsupported` were not asked, `silent` did not answer; else the answer's own code. */
  readonly code: string;
  readonly result: unknown;
}

/** One entry for every node, in their order. */
export function heardNodes(
  nodes: readonly AskedNode[],
  answers: readonly StoredAnswer[],
): readonly HeardNode[] {
  const byNode = new Map(answers.map((answer) => [answer.nodeId, answer]));
  return nodes.map((node) => {
    if (!node.connected) return { node, code: "away", result: null };
    if (!node.able) return { node, code: "unsupported", result: null };
    const { code = null, result = null } = byNode.get(node.id) ?? {};
    return { node, code: code ?? "silent", result };
  });
}
