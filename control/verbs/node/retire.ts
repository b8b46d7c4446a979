import type { NodeId } from "#shared/base/ids.ts";

import { retireNodeOfTenant } from "../../storage/queries/nodes.ts";
import { ringDoorbell } from "../../storage/queries/revisions.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { noteDeed } from "../noted.ts";
import type { NotFound } from "../outcomes.ts";

export type RetireNodeOutcome = { readonly kind: "retired" } | NotFound;

/** The node's keys are no longer accepted; doing it again changes nothing. Scope `nodes`. */
export async function retireNode(
  deps: Pick<VerbDeps, "database" | "doorbell">,
  actor: Actor,
  input: { readonly id: NodeId },
): Promise<RetireNodeOutcome> {
  requireScope(actor, "nodes");
  const { tenantId } = actor;
  return deps.database.asTenant(tenantId, async (tx) => {
    const done = await retireNodeOfTenant(tx, tenantId, input.id);
    if (done === "not-found") return { kind: "not-found" };
    if (done === "retired") {
      await noteDeed(tx, actor, { action: "node.retire", target: input.id });
      if (deps.doorbell) await ringDoorbell(tx, tenantId);
    }
    return { kind: "retired" };
  });
}
