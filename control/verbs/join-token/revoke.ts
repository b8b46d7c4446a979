import type { JoinTokenId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";

export type RevokeJoinTokenOutcome = { readonly kind: "revoked" } | NotFound;

/** Nobody joins with it any more; nodes that did stay. Scope `nodes`. */
export declare function revokeJoinToken(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly id: JoinTokenId },
): Promise<RevokeJoinTokenOutcome>;
