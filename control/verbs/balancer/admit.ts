import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";
import { snapshotBytesMax } from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { checkGroup } from "#shared/validation/check-group.ts";

import type { Transaction } from "../../storage/database.ts";
import { groupMembersOfTenant, type GroupMemberRow } from "../../storage/queries/balancers.ts";
import { placementOfTenant } from "../../storage/queries/placement.ts";
import { noSuchGroup, type Invalid, type NameTaken } from "../outcomes.ts";
import { capabilityRule } from "./capability-rule.ts";
import { unknownCertificates } from "./certificate-rule.ts";
import { repeatedBackends } from "./repeated-backends.ts";
import { starredNames } from "./starred-names.ts";

/** A balancer that wants to be in the group that it names. */
export interface Candidate {
  readonly id: BalancerId;
  readonly definition: Balancer;
}

export type Admission =
  | {
      readonly kind: "admitted";
      readonly groupId: GroupId;
      readonly warnings: readonly Problem[];
    }
  | Invalid
  | NameTaken;

/**
 * Whether a balancer may have its name and be in its group: beside the others, within a snapshot's
 * size, on the nodes. The tenant's row must be held, so that the others stay as they are.
 */
export async function admit(
  tx: Transaction,
  tenantId: TenantId,
  { id, definition }: Candidate,
): Promise<Admission> {
  const { group, name } = definition;
  const { groupId, nameHolder, abilities } = await placementOfTenant(tx, tenantId, { group, name });
  if (groupId === undefined) return noSuchGroup(group);
  if (nameHolder !== undefined && nameHolder !== id) return { kind: "name-taken", name };
  const members = await groupMembersOfTenant(tx, tenantId, groupId);
  const others = members.filter((member) => member.id !== id);
  const ability = capabilityRule(definition, abilities);
  const problems = [
    ...(await unknownCertificates(tx, tenantId, definition)),
    ...checkGroup([...others, { id, definition }]),
    ...snapshotTooLarge(others, definition),
    ...ability.problems,
  ];
  if (problems.length > 0) return { kind: "invalid", problems };
  const warnings = [
    ...ability.warnings,
    ...repeatedBackends(definition),
    ...starredNames(definition),
  ];
  return { kind: "admitted", groupId, warnings };
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
