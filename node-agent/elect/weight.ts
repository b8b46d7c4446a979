import type { Candidate } from "../pool/pool-view.ts";
import type { Strategy } from "./strategy.ts";

/**
 * Priorities and weights as in RFC 2782: only the lowest numbered priority takes part, and within it
 * each gets its share of the sum of weights. Where all weights are 0 the choice is uniform; a 0
 * beside positive weights gets nothing. Negative numbers take no part.
 */
export const weight: Strategy = (eligible, { random }) => {
  const group = lowestPriority(eligible);
  const sum = group.reduce((total, candidate) => total + candidate.weight, 0);
  if (sum === 0) return group[Math.floor(random() * group.length)];
  let rest = Math.floor(random() * sum);
  return group.find((candidate) => {
    rest -= candidate.weight;
    return rest < 0;
  });
};

function lowestPriority(eligible: readonly Candidate[]): readonly Candidate[] {
  let lowest = Number.POSITIVE_INFINITY;
  let group: Candidate[] = [];
  for (const candidate of eligible) {
    if (candidate.priority < 0 || candidate.weight < 0 || candidate.priority > lowest) continue;
    if (candidate.priority < lowest) group = [];
    lowest = candidate.priority;
    group.push(candidate);
  }
  return group;
}
