import type { Problem } from "#shared/base/problem.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { Invalid, Mismatch, NameTaken } from "../outcomes.ts";
import type { BalancerRecord } from "./balancer-record.ts";

export interface CreateBalancerInput {
  /** As it came, unchecked. */
  readonly definition: unknown;
  /** Checks and answers as if, stores nothing. */
  readonly dryRun: boolean;
}

export type CreateBalancerOutcome =
  | {
      readonly kind: "created";
      readonly dryRun: boolean;
      readonly revision: number;
      readonly balancer: BalancerRecord;
      /** What was accepted although no node can run it yet. */
      readonly warnings: readonly Problem[];
    }
  | Invalid
  | NameTaken
  | Mismatch;

/** Defines a balancer: a new revision. Scope `write`. */
export declare function createBalancer(
  deps: VerbDeps,
  actor: Actor,
  input: CreateBalancerInput,
): Promise<CreateBalancerOutcome>;
