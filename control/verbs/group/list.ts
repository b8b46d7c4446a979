import { parseId, type GroupId } from "#shared/base/ids.ts";

import { groupsOfTenant } from "../../storage/queries/groups.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";
import { groupRecordOf, type GroupRecord } from "./group-record.ts";

export type ListGroupsOutcome = Page<GroupRecord>;

const listing: Listing<GroupRecord, GroupId> = {
  name: "groups",
  parse: (text) => parseId("grp", text),
  placeOf: (record) => record.id,
};

/** The tenant's groups, oldest first. Scope `read`. */
export async function listGroups(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: PageRequest,
): Promise<ListGroupsOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  return pageOf(listing, input, async (after, limit) => {
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      groupsOfTenant(tx, tenantId, { after, limit }),
    );
    return rows.map(groupRecordOf);
  });
}
