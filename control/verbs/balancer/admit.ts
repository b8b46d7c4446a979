import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";
import { snapshotBytesMax } from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { checkGroup } from "#shared/validation/check-group.ts";

import type { Transaction } from "../../storage/database.ts";
import { groupMembersOfTenant, type GroupMemberRow } from "../../storage/queries/balancers.ts";
import { capabilitiesOfGroup } from "../../storage/queries/nodes.ts";
import { capabilityRule, type CapabilityFinding } from "./capability-rule.ts";

/** A balancer that wants to be in a group. */
export interface Candidate {
  readonly id: BalancerId;
  readonly definition: Balancer;
  readonly groupId: GroupId;
}

/**
 * Whether a balancer may be in its group: beside the others, within a snapshot's size, on the
 * nodes. The tenant's row must be held, so that the others stay as they are.
 */
export async function admit(
  tx: Transaction,
  tenantId: TenantId,
  candidate: Candidate,
): Promise<CapabilityFinding> {
  const { id, definition, groupId } = candidate;
  const members = await groupMembersOfTenant(tx, tenantId, groupId);
  const others = members.filter((member) => member.id !== id);
  const abilities = await capabilitiesOfGroup(tx, tenantId, groupId);
  const ability = capabilityRule(definition, abilities);
  const problems = [
    ...checkGroup([...others, { id, definition }]),
    ...snapshotTooLarge(others, definition),
    ...ability.problems,
  ];
  return { problems, warnings: ability.warnings };
}

function snapshotTooLarge(
  others: readonly GroupMemberRow[],
  definition: Balancer,
): readonly Problem[] {
  const own = Buffer.byteLength(JSON.stringify(definition));
  const bytes = others.reduce((sum, member) => sum + member.bytes, own);
  if (bytes <= snapshotBytesMax) return [];
  const detail = `the balancers of the group have ${bytes} bytes together; at most ${snapshotBytesMax}`;
  return [{ pointer: "", code: "too-large", detail }];
}
