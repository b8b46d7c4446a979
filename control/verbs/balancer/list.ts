import { parseId, type BalancerId } from "#shared/base/ids.ts";

import { balancersOfTenant } from "../../storage/queries/balancers.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";
import { balancerRecordOf, type BalancerRecord } from "./balancer-record.ts";

export interface ListBalancersInput extends PageRequest {
  /** Only those of the group with this name. */
  readonly group?: string;
}

export type ListBalancersOutcome = Page<BalancerRecord>;

const listing: Listing<BalancerRecord, BalancerId> = {
  name: "balancers",
  parse: (text) => parseId("bal", text),
  placeOf: (record) => record.id,
};

/** The tenant's balancers, oldest first. Scope `read`. */
export async function listBalancers(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: ListBalancersInput,
): Promise<ListBalancersOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  return pageOf(listing, input, async (after, limit) => {
    const page = { after, limit, group: input.group };
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      balancersOfTenant(tx, tenantId, page),
    );
    return rows.map(balancerRecordOf);
  });
}
