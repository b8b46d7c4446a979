import type { JoinTokenId } from "#shared/base/ids.ts";

import { revokeJoinTokenOfTenant } from "../../storage/queries/join-tokens.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { noteDeed } from "../noted.ts";
import type { NotFound } from "../outcomes.ts";

export type RevokeJoinTokenOutcome = { readonly kind: "revoked" } | NotFound;

/** Nobody joins with it any more; nodes that did stay. Scope `nodes`. */
export async function revokeJoinToken(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: { readonly id: JoinTokenId },
): Promise<RevokeJoinTokenOutcome> {
  requireScope(actor, "nodes");
  return deps.database.asTenant(actor.tenantId, async (tx) => {
    const done = await revokeJoinTokenOfTenant(tx, actor.tenantId, input.id);
    if (done === "not-found") return { kind: "not-found" };
    const deed = { action: "join-token.revoke", target: input.id };
    if (done === "revoked") await noteDeed(tx, actor, deed);
    return { kind: "revoked" };
  });
}
