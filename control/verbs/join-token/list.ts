import { parseId, type JoinTokenId } from "#shared/base/ids.ts";

import { joinTokensOfTenant } from "../../storage/queries/join-tokens.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";
import { joinTokenRecordOf, type JoinTokenRecord } from "./join-token-record.ts";

export type ListJoinTokensOutcome = Page<JoinTokenRecord>;

const listing: Listing<JoinTokenRecord, JoinTokenId> = {
  name: "join-tokens",
  parse: (text) => parseId("jtk", text),
  placeOf: (record) => record.id,
};

/** The tenant's join tokens, oldest first, used and revoked ones too. Scope `nodes`. */
export async function listJoinTokens(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: PageRequest,
): Promise<ListJoinTokensOutcome> {
  requireScope(actor, "nodes");
  const { tenantId } = actor;
  return pageOf(listing, input, async (after, limit) => {
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      joinTokensOfTenant(tx, tenantId, { after, limit }),
    );
    return rows.map(joinTokenRecordOf);
  });
}
