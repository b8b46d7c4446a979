import type { BalancerId, GroupId } from "#shared/base/ids.ts";

import type { RevisionChange } from "../../storage/tables/revisions.ts";

/** A balancer at one revision, as far as history names it. */
export interface BalancerSide {
  readonly name: string;
  readonly groupId: GroupId;
  readonly hash: string;
}

/**
 * What a revision did to a balancer; an absent side means it was, or is, not there. For the group
 * that it leaves it is gone, for the one that it enters it is new.
 */
export function revisionChanges(
  balancer: BalancerId,
  before: BalancerSide | undefined,
  after: BalancerSide | undefined,
): readonly RevisionChange[] {
  if (before !== undefined && after?.groupId === before.groupId) {
    const { name, groupId: group } = after;
    return [{ balancer, name, group, before: before.hash, after: after.hash }];
  }
  return [
    ...(before === undefined ? [] : [left(balancer, before)]),
    ...(after === undefined ? [] : [entered(balancer, after)]),
  ];
}

function left(balancer: BalancerId, { name, groupId, hash }: BalancerSide): RevisionChange {
  return { balancer, name, group: groupId, before: hash, after: null };
}

function entered(balancer: BalancerId, { name, groupId, hash }: BalancerSide): RevisionChange {
  return { balancer, name, group: groupId, before: null, after: hash };
}
