import type { Checked } from "../base/problem.ts";
import type { Balancer } from "../definition/balancer.ts";
import { checkBalancer, type Rule } from "./check-balancer.ts";
import { authorizationRules } from "./rules/authorization-rules.ts";
import { drainRules } from "./rules/drain-rules.ts";
import { loopRules } from "./rules/loop-rules.ts";
import { statusRules } from "./rules/status-rules.ts";
import { urlRules } from "./rules/url-rules.ts";

const rules: readonly Rule[] = [urlRules, authorizationRules, statusRules, drainRules, loopRules];

/**
 * As `checkBalancer`, for a definition that is written now: refuses also what means nothing, or shows
 * a secret, and what definitions that are stored already may hold. Those are still read, and run.
 */
export function checkWritten(raw: unknown): Checked<Balancer> {
  return checkBalancer(raw, rules);
}
