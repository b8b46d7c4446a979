import { parseId, type ApiKeyId } from "#shared/base/ids.ts";

import { apiKeysOfTenant } from "../../storage/queries/api-keys.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";
import { apiKeyRecordOf, type ApiKeyRecord } from "./api-key-record.ts";

export type ListApiKeysOutcome = Page<ApiKeyRecord>;

const listing: Listing<ApiKeyRecord, ApiKeyId> = {
  name: "api-keys",
  parse: (text) => parseId("key", text),
  placeOf: (record) => record.id,
};

/** The tenant's keys and sessions, oldest first, revoked ones too. Scope `admin`. */
export async function listApiKeys(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: PageRequest,
): Promise<ListApiKeysOutcome> {
  requireScope(actor, "admin");
  const { tenantId } = actor;
  return pageOf(listing, input, async (after, limit) => {
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      apiKeysOfTenant(tx, tenantId, { after, limit }),
    );
    return rows.map(apiKeyRecordOf);
  });
}
