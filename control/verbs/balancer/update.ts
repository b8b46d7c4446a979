import type { BalancerId } from "#shared/base/ids.ts";
import type { Problem } from "#shared/base/problem.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { Invalid, NameTaken, NotFound } from "../outcomes.ts";
import type { BalancerRecord, Expected, Stale } from "./balancer-record.ts";

export interface UpdateBalancerInput {
  readonly id: BalancerId;
  readonly definition: unknown;
  readonly expected: Expected;
  readonly dryRun: boolean;
}

export type UpdateBalancerOutcome =
  | {
      readonly kind: "updated";
      readonly dryRun: boolean;
      readonly revision: number;
      readonly balancer: BalancerRecord;
      readonly warnings: readonly Problem[];
    }
  /** The definition is the stored one already: no revision was made. */
  | { readonly kind: "unchanged"; readonly balancer: BalancerRecord }
  | Invalid
  | NameTaken
  | NotFound
  | Stale;

/** Replaces a balancer's definition: a new revision. Scope `write`. */
export declare function updateBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: UpdateBalancerInput,
): Promise<UpdateBalancerOutcome>;
