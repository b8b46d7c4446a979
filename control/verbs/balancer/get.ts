import type { BalancerId } from "#shared/base/ids.ts";

import { balancerOfTenant } from "../../storage/queries/balancers.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import { balancerRecordOf, type BalancerRecord } from "./balancer-record.ts";

export type GetBalancerOutcome =
  | { readonly kind: "found"; readonly balancer: BalancerRecord }
  | NotFound;

/** One balancer. Scope `read`. */
export async function getBalancer(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: { readonly id: BalancerId },
): Promise<GetBalancerOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  const row = await deps.database.asTenant(tenantId, (tx) =>
    balancerOfTenant(tx, tenantId, input.id),
  );
  if (row === undefined) return { kind: "not-found" };
  return { kind: "found", balancer: balancerRecordOf(row) };
}
