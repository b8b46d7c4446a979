import type { BalancerId } from "#shared/base/ids.ts";

import { balancerOfTenant, deleteBalancers } from "../../storage/queries/balancers.ts";
import { nextRevision } from "../../storage/queries/tenants.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import { staleness, type Expected, type Stale } from "../expected.ts";
import type { ConfirmationRequired, NotFound } from "../outcomes.ts";
import { commitRevision } from "../revision/commit-revision.ts";
import { revisionChanges } from "../revision/revision-changes.ts";
import { kept, transact, undone } from "../transact.ts";
import { shrinkVerdict, type Confirmable } from "./shrinkage.ts";

export interface RemoveBalancerInput extends Confirmable {
  readonly id: BalancerId;
  readonly expected: Expected;
  /** Checks and answers as if, removes nothing. */
  readonly dryRun: boolean;
}

export type RemoveBalancerOutcome =
  | { readonly kind: "removed"; readonly dryRun: boolean; readonly revision: number }
  | ConfirmationRequired
  | NotFound
  | Stale;

/** Removes a balancer: a new revision; nodes drain it. Scope `write`. */
export async function removeBalancer(
  deps: Pick<VerbDeps, "database" | "doorbell">,
  actor: Actor,
  input: RemoveBalancerInput,
): Promise<RemoveBalancerOutcome> {
  requireScope(actor, "write");
  const { tenantId } = actor;
  return transact<RemoveBalancerOutcome>(deps, actor, async (tx) => {
    const rev = await nextRevision(tx, tenantId);
    const row = await balancerOfTenant(tx, tenantId, input.id);
    if (row === undefined) return undone({ kind: "not-found" });
    const stale = staleness(row, input.expected);
    if (stale !== undefined) return undone(stale);
    await deleteBalancers(tx, tenantId, [row.id]);
    const changes = revisionChanges(row.id, row, undefined);
    const verdict = await shrinkVerdict(tx, tenantId, { ...input, changes });
    if (verdict.kind !== "allowed") return undone(verdict);
    await commitRevision(
      deps,
      { tx, actor },
      {
        rev,
        changes,
        confirmed: verdict.confirmed,
        deed: { action: "balancer.remove", target: row.id, beforeHash: row.hash },
      },
    );
    const outcome = { kind: "removed", dryRun: input.dryRun, revision: rev } as const;
    return input.dryRun ? undone(outcome) : kept(outcome);
  });
}
