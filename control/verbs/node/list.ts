import { parseId, type NodeId } from "#shared/base/ids.ts";

import { nodesOfTenant } from "../../storage/queries/nodes.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";
import { nodeRecordOf, type NodeRecord } from "./node-record.ts";

export interface ListNodesInput extends PageRequest {
  /** Only those of the group with this name. */
  readonly group?: string;
}

export type ListNodesOutcome = Page<NodeRecord>;

const listing: Listing<NodeRecord, NodeId> = {
  name: "nodes",
  parse: (text) => parseId("nod", text),
  placeOf: (record) => record.id,
};

/** The tenant's nodes, oldest first, retired ones too. Scope `read`. */
export async function listNodes(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: ListNodesInput,
): Promise<ListNodesOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  return pageOf(listing, input, async (after, limit) => {
    const page = { after, limit, group: input.group };
    const rows = await deps.database.asTenant(tenantId, (tx) => nodesOfTenant(tx, tenantId, page));
    return rows.map(nodeRecordOf);
  });
}
