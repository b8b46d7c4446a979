import { healthResultSchema, type HealthResult } from "#shared/wire/health.ts";

import { heardNodes, type AskedNode, type StoredAnswer } from "./asked-nodes.ts";

/** How a node took the question. */
export const healthStates = [
  "answered",
  "silent",
  "away",
  "not-running",
  "unsupported",
  "failed",
] as const;
export type HealthState = (typeof healthStates)[number];

/** What one node knows of a balancer's backends. */
export interface NodeHealth extends HealthResult {
  readonly node: string;
  readonly hostname: string;
  readonly state: HealthState;
}

/** One entry for every node, in their order. */
export function nodeHealths(
  nodes: readonly AskedNode[],
  answers: readonly StoredAnswer[],
): readonly NodeHealth[] {
  return heardNodes(nodes, answers).map(({ node: { id, hostname }, code, result }) => {
    const about = { node: id, hostname };
    if (code !== "done") return { ...about, state: stateOf(code), ...nothing };
    const parsed = healthResultSchema.safeParse(result);
    if (!parsed.success) return { ...about, state: "failed", ...nothing };
    return { ...about, state: "answered", ...parsed.data };
  });
}

/**
 * Whether every node has said that it knows nothing of what was asked for: one at least, and none is
 * away or silent.
 */
export function isNowhere(nodes: readonly NodeHealth[]): boolean {
  const isSure = nodes.every(({ state }) => state === "answered" || state === "not-running");
  const answered = nodes.filter(({ state }) => state === "answered");
  return isSure && answered.length > 0 && answered.every(({ backends }) => backends.length === 0);
}

const nothing: HealthResult = { backends: [], unlisted: 0, sources: [], unserved: null };

function stateOf(code: string): HealthState {
  return healthStates.find((state) => state === code) ?? "failed";
}
