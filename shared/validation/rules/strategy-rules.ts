import type { Problem } from "../../base/problem.ts";
import type { Strategy } from "../../definition/strategy.ts";
import type { Parts } from "../parts.ts";

/** Options that mean something to some strategies only. */
const strategiesOf = {
  weighted: ["leastconn", "roundrobin"],
  hashClientPort: ["iphash", "iphash1"],
  maxLoadPercent: ["iphash1"],
} as const satisfies Record<string, readonly Strategy[]>;

/** An option of another strategy is refused, not ignored. */
export function strategyRules({ right }: Parts): readonly Problem[] {
  const { strategy, strategyOptions } = right;
  if (strategy === undefined || strategyOptions === undefined) return [];
  return (["weighted", "hashClientPort", "maxLoadPercent"] as const).flatMap((option) => {
    const strategies: readonly Strategy[] = strategiesOf[option];
    if (strategyOptions[option] === undefined || strategies.includes(strategy)) return [];
    const detail = `is for ${strategies.join(" and ")}; the strategy is ${strategy}`;
    return [{ pointer: `/strategyOptions/${option}`, code: "conflict", detail }];
  });
}
