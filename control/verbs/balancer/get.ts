import type { BalancerId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import type { BalancerRecord } from "./balancer-record.ts";

export type GetBalancerOutcome =
  | { readonly kind: "found"; readonly balancer: BalancerRecord }
  | NotFound;

/** One balancer. Scope `read`. */
export declare function getBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly id: BalancerId },
): Promise<GetBalancerOutcome>;
