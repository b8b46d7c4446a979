import type { NodeId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";

export type RetireNodeOutcome = { readonly kind: "retired" } | NotFound;

/** The node's keys are no longer accepted; doing it again changes nothing. Scope `nodes`. */
export declare function retireNode(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly id: NodeId },
): Promise<RetireNodeOutcome>;
