import { revisionsOfTenant } from "../../storage/queries/revisions.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, parseNumber, type Listing, type Page, type PageRequest } from "../page.ts";
import { revisionRecordOf, type RevisionRecord } from "./revision-record.ts";

export type ListRevisionsOutcome = Page<RevisionRecord>;

const listing: Listing<RevisionRecord, number> = {
  name: "revisions",
  parse: parseNumber,
  placeOf: (record) => record.rev,
};

/** The tenant's revisions, newest first. Scope `read`. */
export async function listRevisions(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: PageRequest,
): Promise<ListRevisionsOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  return pageOf(listing, input, async (before, limit) => {
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      revisionsOfTenant(tx, tenantId, { before, limit }),
    );
    return rows.map(revisionRecordOf);
  });
}
