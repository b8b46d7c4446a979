import { and, asc, count, eq, gt } from "drizzle-orm";

import type { GroupId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { groups } from "../tables/groups.ts";

export type GroupTableRow = typeof groups.$inferSelect;

/** The group with this name. */
export async function groupByNameOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  name: string,
): Promise<GroupTableRow | undefined> {
  const [row] = await tx
    .select()
    .from(groups)
    .where(and(eq(groups.tenantId, tenantId), eq(groups.name, name)));
  return row;
}

/** Groups after an id, oldest first. */
export function groupsOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: { readonly after: GroupId | undefined; readonly limit: number },
): Promise<readonly GroupTableRow[]> {
  const later = page.after === undefined ? undefined : gt(groups.id, page.after);
  return tx
    .select()
    .from(groups)
    .where(and(eq(groups.tenantId, tenantId), later))
    .orderBy(asc(groups.id))
    .limit(page.limit);
}

/** How many groups there are. */
export async function countGroupsOfTenant(tx: Transaction, tenantId: TenantId): Promise<number> {
  const [row] = await tx
    .select({ count: count() })
    .from(groups)
    .where(eq(groups.tenantId, tenantId));
  return row?.count ?? 0;
}

/** Stores a group; undefined when the name is taken. */
export async function insertGroup(
  tx: Transaction,
  group: { readonly tenantId: TenantId; readonly id: GroupId; readonly name: string },
): Promise<GroupTableRow | undefined> {
  const [row] = await tx.insert(groups).values(group).onConflictDoNothing().returning();
  return row;
}
