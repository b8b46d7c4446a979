import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { unsupportedBy } from "#shared/definition/capability.ts";

import type { NodeAbility } from "../../storage/queries/placement.ts";

/** `problems`: nobody could run it. `warnings`: somebody cannot, or nobody is known yet. */
export interface CapabilityFinding {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Whether the nodes of a group can run a balancer. */
export function capabilityRule(
  balancer: Balancer,
  abilities: readonly NodeAbility[],
): CapabilityFinding {
  const known = abilities.filter(({ capabilities }) => capabilities.length > 0);
  if (known.length === 0) return { problems: [], warnings: [nobodyKnown(balancer)] };
  const lacks = known.map(({ capabilities, nodes }) => ({
    missing: unsupportedBy(balancer, new Set(capabilities)),
    nodes,
  }));
  const least = lacks.reduce((best, next) =>
    next.missing.length < best.missing.length ? next : best,
  );
  if (least.missing.length > 0) return { problems: least.missing, warnings: [] };
  return { problems: [], warnings: lackingWarnings(lacks) };
}

interface Lack {
  readonly missing: readonly Problem[];
  readonly nodes: number;
}

/** One for each thing that some nodes lack, with how many. */
function lackingWarnings(lacks: readonly Lack[]): readonly Problem[] {
  const counts = new Map<string, { readonly problem: Problem; nodes: number }>();
  for (const { missing, nodes } of lacks) {
    for (const problem of missing) {
      const key = `${problem.pointer} ${problem.detail}`;
      const entry = counts.get(key) ?? { problem, nodes: 0 };
      entry.nodes += nodes;
      counts.set(key, entry);
    }
  }
  return [...counts.values()].map(({ problem, nodes }) => ({
    ...problem,
    detail: `${problem.detail}, which nodes of the group lack: ${nodes}`,
  }));
}

function nobodyKnown(balancer: Balancer): Problem {
  const detail =
    `no node of the group ${balancer.group} was heard yet: ` +
    "whether it can run this shows when one connects";
  return { pointer: "/group", code: "no-nodes", detail };
}
