import { and, asc, eq, gt, inArray, sql } from "drizzle-orm";

import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { certificateIdsOf } from "#shared/definition/certificate-references.ts";

import type { Transaction } from "../database.ts";
import { balancers } from "../tables/balancers.ts";
import { groups } from "../tables/groups.ts";

export type BalancerRow = typeof balancers.$inferSelect;
/** Which certificates it names is read from its definition. */
export type NewBalancerRow = Omit<typeof balancers.$inferInsert, "certificates">;

/** What rules across the balancers of a group look at, without the rest of the definition. */
export interface GroupMemberRow {
  readonly id: BalancerId;
  readonly definition: Pick<Balancer, "name" | "bind" | "protocol" | "tls">;
  /** Size of the definition's JSON. */
  readonly bytes: number;
}

/** One balancer. */
export async function balancerOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: BalancerId,
): Promise<BalancerRow | undefined> {
  const [row] = await tx
    .select()
    .from(balancers)
    .where(and(eq(balancers.tenantId, tenantId), eq(balancers.id, id)));
  return row;
}

/** Several balancers; those that are not there are missing. */
export function balancersByIdOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  ids: readonly BalancerId[],
): Promise<readonly BalancerRow[]> {
  return tx
    .select()
    .from(balancers)
    .where(and(eq(balancers.tenantId, tenantId), inArray(balancers.id, [...ids])));
}

export interface BalancerPage {
  readonly after: BalancerId | undefined;
  readonly limit: number;
  /** Only those of the group with this name. */
  readonly group: string | undefined;
}

/** Balancers after an id, oldest first. */
export async function balancersOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: BalancerPage,
): Promise<readonly BalancerRow[]> {
  const later = page.after === undefined ? undefined : gt(balancers.id, page.after);
  const ofGroup = page.group === undefined ? undefined : eq(groups.name, page.group);
  const rows = await tx
    .select({ balancer: balancers })
    .from(balancers)
    .innerJoin(
      groups,
      and(eq(groups.tenantId, balancers.tenantId), eq(groups.id, balancers.groupId)),
    )
    .where(and(eq(balancers.tenantId, tenantId), later, ofGroup))
    .orderBy(asc(balancers.id))
    .limit(page.limit);
  return rows.map(({ balancer }) => balancer);
}

/** All balancers of a group, as far as rules across them look at. */
export function groupMembersOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  groupId: GroupId,
): Promise<readonly GroupMemberRow[]> {
  return tx
    .select({
      id: balancers.id,
      definition: sql<GroupMemberRow["definition"]>`jsonb_strip_nulls(jsonb_build_object(
        'name', ${balancers.name}, 'bind', ${balancers.definition} -> 'bind',
        'protocol', ${balancers.definition} -> 'protocol', 'tls', ${balancers.definition} -> 'tls'))`,
      bytes: sql<number>`octet_length(${balancers.definition}::text)`,
    })
    .from(balancers)
    .where(and(eq(balancers.tenantId, tenantId), eq(balancers.groupId, groupId)));
}

/** Stores new balancers. */
export async function insertBalancers(
  tx: Transaction,
  rows: readonly NewBalancerRow[],
): Promise<readonly BalancerRow[]> {
  if (rows.length === 0) return [];
  return tx
    .insert(balancers)
    .values(rows.map((row) => ({ ...row, certificates: [...certificateIdsOf(row.definition)] })))
    .returning();
}

/** What an update replaces. */
export type BalancerChangeRow = Pick<
  BalancerRow,
  "name" | "groupId" | "definition" | "hash" | "revUpdated"
>;

/** Replaces a balancer that is there. */
export async function updateBalancerRow(
  tx: Transaction,
  key: { readonly tenantId: TenantId; readonly id: BalancerId },
  change: BalancerChangeRow,
): Promise<BalancerRow> {
  const named = [...certificateIdsOf(change.definition)];
  const [row] = await tx
    .update(balancers)
    .set({ ...change, certificates: named, updatedAt: sql`now()` })
    .where(and(eq(balancers.tenantId, key.tenantId), eq(balancers.id, key.id)))
    .returning();
  if (row === undefined) throw new Error("an update of a held row found nothing");
  return row;
}

/** Deletes balancers; their bodies and revisions stay. */
export async function deleteBalancers(
  tx: Transaction,
  tenantId: TenantId,
  ids: readonly BalancerId[],
): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .delete(balancers)
    .where(and(eq(balancers.tenantId, tenantId), inArray(balancers.id, [...ids])));
}
