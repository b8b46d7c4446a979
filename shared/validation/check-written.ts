import { pointerBehind, type Checked } from "../base/problem.ts";
import type { Balancer } from "../definition/balancer.ts";
import { checkBalancer, type Rule } from "./check-balancer.ts";
import { authorizationRules } from "./rules/authorization-rules.ts";
import { drainRules } from "./rules/drain-rules.ts";
import { loopRules } from "./rules/loop-rules.ts";
import { networkRules } from "./rules/network-rules.ts";
import { statusRules } from "./rules/status-rules.ts";
import { udpBindRules } from "./rules/udp-bind-rules.ts";
import { urlRules } from "./rules/url-rules.ts";

const rules: readonly Rule[] = [
  urlRules,
  authorizationRules,
  statusRules,
  drainRules,
  loopRules,
  networkRules,
  udpBindRules,
];

/** What is written, and by which rules it is looked at. */
export interface Written {
  /** JSON pointer to what is written, when the rest is stored already; the whole unless given. */
  readonly part?: string;
  /** Rules that the caller adds. */
  readonly more?: readonly Rule[];
}

/**
 * As `checkBalancer`, for what is written now: refuses also what means nothing, shows a secret or
 * leads back to the balancer, and what definitions that are stored already may hold. Those are still
 * read, and run.
 */
export function checkWritten(
  raw: unknown,
  { part = "", more = [] }: Written = {},
): Checked<Balancer> {
  const ofPart = [...rules, ...more].map(
    (rule): Rule =>
      (parts) =>
        rule(parts).filter(({ pointer }) => pointerBehind(part, pointer) !== undefined),
  );
  return checkBalancer(raw, ofPart);
}
