import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";
import { shrinkBalancersMin, shrinkShareMax, shrinkWindowMs } from "#shared/base/limits.ts";

import type { Transaction } from "../../storage/database.ts";
import { groupShrinkage } from "../../storage/queries/removals.ts";
import type { RevisionChange } from "../../storage/tables/revisions.ts";
import type { ConfirmationRequired } from "../outcomes.ts";

/** What a verb takes that may leave a group much smaller. */
export interface Confirmable {
  /** The caller says that this is meant; false unless given. */
  readonly confirmShrink?: boolean | undefined;
}

export type ShrinkVerdict =
  /** `confirmed` when it wanted a confirmation and had it: stored with the revision. */
  { readonly kind: "allowed"; readonly confirmed: boolean } | ConfirmationRequired;

/**
 * Whether a revision may take away what it does. Of the balancers that a group had within
 * `shrinkWindowMs` at least `shrinkBalancersMin`, and more than `shrinkShareMax` of them, may go
 * only when the caller confirms it: a script that has read an empty list must not take everything
 * down, in one step or in many. What was confirmed before does not count again. The rows must be
 * written already, the revision not yet.
 */
export async function shrinkVerdict(
  tx: Transaction,
  tenantId: TenantId,
  { changes, confirmShrink = false }: { readonly changes: readonly RevisionChange[] } & Confirmable,
): Promise<ShrinkVerdict> {
  for (const [group, removing] of removalsByGroup(changes)) {
    const question = { tenantId, group, removing, windowMs: shrinkWindowMs };
    // oxlint-disable-next-line no-await-in-loop -- one statement at a time in a transaction
    const { removed, left } = await groupShrinkage(tx, question);
    const isShrink = removed >= shrinkBalancersMin && removed > (removed + left) * shrinkShareMax;
    if (isShrink) {
      return confirmShrink
        ? { kind: "allowed", confirmed: true }
        : { kind: "confirmation-required", removed, left };
    }
  }
  return { kind: "allowed", confirmed: false };
}

function removalsByGroup(
  changes: readonly RevisionChange[],
): ReadonlyMap<GroupId, readonly BalancerId[]> {
  const groups = new Map<GroupId, BalancerId[]>();
  for (const { group, balancer, after } of changes) {
    if (after !== null) continue;
    const ids = groups.get(group);
    if (ids === undefined) groups.set(group, [balancer]);
    else ids.push(balancer);
  }
  return groups;
}
