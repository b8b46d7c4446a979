import { Fault } from "#shared/base/fault.ts";
import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import type { Transaction } from "../../storage/database.ts";
import {
  balancersByIdOfTenant,
  type BalancerRow,
  type NewBalancerRow,
} from "../../storage/queries/balancers.ts";
import { placementOfTenant, type NodeAbility } from "../../storage/queries/placement.ts";
import type { NetChange } from "../../storage/queries/revisions.ts";
import { capabilityRule } from "../balancer/capability-rule.ts";
import { unknownCertificates } from "../balancer/certificate-rule.ts";
import { storedDefinitions } from "./stored-definitions.ts";

/** What has to be written so that the balancers are as they were. */
export interface Restoration {
  readonly balancers: readonly RestoredBalancer[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** A balancer as it is now and as it was then; an absent side means not there. */
export interface RestoredBalancer {
  readonly id: BalancerId;
  readonly now: BalancerRow | undefined;
  readonly past: NewBalancerRow | undefined;
}

/** Where it is restored, and under which revision. */
export interface RestorationPlace {
  readonly tenantId: TenantId;
  readonly rev: number;
}

/**
 * Undoes what happened to the balancers since (`since` is net, per balancer). All that changed goes
 * back, so the result is the very set that was there: it fits together, and no name or address is
 * taken twice. What may have changed meanwhile is what the nodes can do, and which certificates
 * there are.
 */
export async function restorationOf(
  tx: Transaction,
  place: RestorationPlace,
  since: readonly NetChange[],
): Promise<Restoration> {
  const { tenantId, rev } = place;
  const ids = since.map(({ balancer }) => balancer);
  const rows = await balancersByIdOfTenant(tx, tenantId, ids);
  const current = new Map(rows.map((row) => [row.id, row]));
  const bodies = await storedDefinitions(
    tx,
    tenantId,
    since.map(({ before }) => before),
  );
  const groups = await groupsOf(tx, tenantId, bodies.values());
  const restored = since.map(({ balancer: id, before: hash }) => {
    const now = current.get(id);
    if (hash === null) return { id, now, past: undefined };
    const definition = known(bodies, hash);
    const group = known(groups, definition.group);
    const { name } = definition;
    const { createdAt, revCreated } = now ?? { createdAt: undefined, revCreated: rev };
    const born = { revCreated, ...(createdAt === undefined ? {} : { createdAt }) };
    const past = { tenantId, id, name, groupId: group.id, definition, hash, revUpdated: rev };
    return { id, now, past: { ...past, ...born } };
  });
  const findings = abilityFindings(restored, groups);
  const gone = await goneCertificates(tx, tenantId, restored);
  return { ...findings, balancers: restored, problems: [...findings.problems, ...gone] };
}

/** Certificates are not restored: one that was deleted since has no key any more. */
async function goneCertificates(
  tx: Transaction,
  tenantId: TenantId,
  restored: readonly RestoredBalancer[],
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { id, past } of restored) {
    if (past === undefined) continue;
    // oxlint-disable-next-line no-await-in-loop -- one statement at a time in a transaction
    problems.push(...within(id, await unknownCertificates(tx, tenantId, past.definition)));
  }
  return problems;
}

/** Bodies and groups are never removed; a gap in history must not look like a removed balancer. */
function known<T>(things: ReadonlyMap<string, T>, key: string): T {
  const thing = things.get(key);
  if (thing !== undefined) return thing;
  const message = `history names ${key}, which is not stored`;
  throw new Fault({ code: "verbs/history-gap", owner: "platform", message });
}

interface GroupAbility {
  readonly id: GroupId;
  readonly abilities: readonly NodeAbility[];
}

/** The groups that the definitions name, with what their nodes can do. */
async function groupsOf(
  tx: Transaction,
  tenantId: TenantId,
  definitions: Iterable<Balancer>,
): Promise<ReadonlyMap<string, GroupAbility>> {
  const names = new Set([...definitions].map((definition) => definition.group));
  const groups = new Map<string, GroupAbility>();
  for (const name of names) {
    // oxlint-disable-next-line no-await-in-loop -- one statement at a time in a transaction
    const { groupId, abilities } = await placementOfTenant(tx, tenantId, { group: name });
    if (groupId !== undefined) groups.set(name, { id: groupId, abilities });
  }
  return groups;
}

function abilityFindings(
  restored: readonly RestoredBalancer[],
  groups: ReadonlyMap<string, GroupAbility>,
): Pick<Restoration, "problems" | "warnings"> {
  const findings = restored.flatMap(({ id, past }) => {
    if (past === undefined) return [];
    const abilities = groups.get(past.definition.group)?.abilities ?? [];
    const found = capabilityRule(past.definition, abilities);
    return [{ problems: within(id, found.problems), warnings: within(id, found.warnings) }];
  });
  return {
    problems: findings.flatMap(({ problems }) => problems),
    warnings: findings.flatMap(({ warnings }) => warnings),
  };
}

function within(id: BalancerId, problems: readonly Problem[]): readonly Problem[] {
  return problems.map((problem) => ({
    ...problem,
    pointer: `/balancers/${id}${problem.pointer}`,
  }));
}
