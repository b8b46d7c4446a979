import { durationMs } from "#shared/base/duration.ts";
import { Fault } from "#shared/base/fault.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import { strategyNames, type StrategyName } from "../elect/elect.ts";
import type { BalancerPlace, BalancerTerms } from "./worker-protocol.ts";

/**
 * What workers have to know of a definition.
 *
 * @throws Fault `flow/unsupported` for a strategy that is not among `strategyNames`
 */
export function balancerTerms(definition: Balancer, place: BalancerPlace): BalancerTerms {
  const { limits } = definition;
  return {
    ...place,
    strategy: strategyOf(definition),
    maxConnections: limits.maxConnections,
    connect: {
      prefix: undefined,
      connectTimeoutMs: durationMs(limits.backendConnectionTimeout),
      clientIdleMs: durationMs(limits.clientIdleTimeout),
      backendIdleMs: durationMs(limits.backendIdleTimeout),
      idleMode: limits.idleMode,
    },
  };
}

function strategyOf({ strategy }: Balancer): StrategyName {
  const known = strategyNames.find((name) => name === strategy);
  if (known !== undefined) return known;
  throw new Fault({
    code: "flow/unsupported",
    owner: "platform",
    message: `the strategy ${strategy} reached an agent that does not know it`,
  });
}
