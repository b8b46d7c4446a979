import type { BalancerId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import type { Expected, Stale } from "./balancer-record.ts";

export interface RemoveBalancerInput {
  readonly id: BalancerId;
  readonly expected: Expected;
  readonly dryRun: boolean;
}

export type RemoveBalancerOutcome =
  | { readonly kind: "removed"; readonly dryRun: boolean; readonly revision: number }
  | NotFound
  | Stale;

/** Removes a balancer: a new revision; nodes drain it. Scope `write`. */
export declare function removeBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: RemoveBalancerInput,
): Promise<RemoveBalancerOutcome>;
