import type { Problem } from "#shared/base/problem.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { Invalid, Mismatch, NotFound } from "../outcomes.ts";
import type { RevisionRecord } from "./revision-record.ts";

export interface RollbackInput {
  /** The revision whose balancers come back; 0 is the empty beginning. */
  readonly rev: number;
  readonly dryRun: boolean;
}

export type RollbackOutcome =
  | {
      readonly kind: "rolled-back";
      readonly dryRun: boolean;
      /** The new revision. */
      readonly revision: RevisionRecord;
      readonly warnings: readonly Problem[];
    }
  /** The balancers are as they were then: no revision was made. */
  | { readonly kind: "unchanged" }
  /** What was right then is not any more: pointers are `/balancers/<id>/…`. */
  | Invalid
  | NotFound
  | Mismatch;

/** Makes the balancers what they were at a revision: a new revision. Scope `write`. */
export declare function rollbackRevision(
  deps: VerbDeps,
  actor: Actor,
  input: RollbackInput,
): Promise<RollbackOutcome>;
