import type { ApiKeyId } from "#shared/base/ids.ts";

import { revokeApiKeyOfTenant } from "../../storage/queries/api-keys.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { noteDeed } from "../noted.ts";
import type { NotFound } from "../outcomes.ts";

export type RevokeApiKeyOutcome = { readonly kind: "revoked" } | NotFound;

/** Ends a key or a session at once; doing it again changes nothing. Scope `admin`. */
export async function revokeApiKey(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: { readonly id: ApiKeyId },
): Promise<RevokeApiKeyOutcome> {
  requireScope(actor, "admin");
  return deps.database.asTenant(actor.tenantId, async (tx) => {
    const done = await revokeApiKeyOfTenant(tx, actor.tenantId, input.id);
    if (done === "not-found") return { kind: "not-found" };
    const deed = { action: "api-key.revoke", target: input.id };
    if (done === "revoked") await noteDeed(tx, actor, deed);
    return { kind: "revoked" };
  });
}
