import type { NodeId } from "#shared/base/ids.ts";

import { nodeOfTenant } from "../../storage/queries/nodes.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import { nodeRecordOf, type NodeRecord } from "./node-record.ts";

export type GetNodeOutcome = { readonly kind: "found"; readonly node: NodeRecord } | NotFound;

/** One node. Scope `read`. */
export async function getNode(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: { readonly id: NodeId },
): Promise<GetNodeOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  const row = await deps.database.asTenant(tenantId, (tx) => nodeOfTenant(tx, tenantId, input.id));
  return row === undefined ? { kind: "not-found" } : { kind: "found", node: nodeRecordOf(row) };
}
