import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";

/** What differs in one place of a definition; a side that is absent was not there. */
export interface FieldChange {
  /** JSON pointer into the definition. */
  readonly pointer: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface BalancerChange {
  readonly balancer: string;
  /** Its name after the change, or before it when it is gone. */
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
  readonly fields: readonly FieldChange[];
}

export type DiffOutcome =
  | {
      readonly kind: "diff";
      readonly from: number;
      readonly to: number;
      readonly balancers: readonly BalancerChange[];
    }
  | NotFound;

/** What turns the balancers of one revision into those of another; secrets are references. Scope `read`. */
export declare function diffRevisions(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly from: number; readonly to: number },
): Promise<DiffOutcome>;
