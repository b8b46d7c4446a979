import type { BalancerId } from "#shared/base/ids.ts";
import { healthCapability } from "#shared/wire/health.ts";

import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { askNodes, type AskedNodes } from "../question/ask.ts";

export interface AskHealthInput {
  readonly balancer: BalancerId;
  readonly group: string;
  /** `host:port`, for its history; null for all, each with its last result. */
  readonly backend: string | null;
}

/** Asks the connected nodes of a balancer's group how its backends are. Scope `read`. */
export function askHealth(
  deps: Pick<VerbDeps, "database" | "ids">,
  actor: Actor,
  { balancer, group, backend }: AskHealthInput,
): Promise<AskedNodes> {
  requireScope(actor, "read");
  const args = { balancer, backend };
  return askNodes(deps, actor, { name: "health", group, args, capability: healthCapability });
}
