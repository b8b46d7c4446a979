import { and, asc, eq, gt, isNull, sql, type SQL } from "drizzle-orm";

import type { NodeId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { groups } from "../tables/groups.ts";
import { nodes, nodeStatus } from "../tables/nodes.ts";

/** A node with its group's name and its status, which is null before it was heard of. */
export interface NodeRow {
  readonly node: typeof nodes.$inferSelect;
  readonly groupName: string;
  readonly status: typeof nodeStatus.$inferSelect | null;
}

/** One node. */
export async function nodeOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: NodeId,
): Promise<NodeRow | undefined> {
  const [row] = await nodeRows(tx, and(eq(nodes.tenantId, tenantId), eq(nodes.id, id))).limit(1);
  return row;
}

export interface NodePage {
  readonly after: NodeId | undefined;
  readonly limit: number;
  /** Only those of the group with this name. */
  readonly group: string | undefined;
}

/** Nodes after an id, oldest first. */
export function nodesOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: NodePage,
): Promise<readonly NodeRow[]> {
  const later = page.after === undefined ? undefined : gt(nodes.id, page.after);
  const ofGroup = page.group === undefined ? undefined : eq(groups.name, page.group);
  return nodeRows(tx, and(eq(nodes.tenantId, tenantId), later, ofGroup)).limit(page.limit);
}

function nodeRows(tx: Transaction, which: SQL | undefined) {
  return tx
    .select({ node: nodes, groupName: groups.name, status: nodeStatus })
    .from(nodes)
    .innerJoin(groups, and(eq(groups.tenantId, nodes.tenantId), eq(groups.id, nodes.groupId)))
    .leftJoin(
      nodeStatus,
      and(eq(nodeStatus.tenantId, nodes.tenantId), eq(nodeStatus.nodeId, nodes.id)),
    )
    .where(which)
    .orderBy(asc(nodes.id));
}

/** Retires a node: `retired` the first time, `before` when it was already. */
export async function retireNodeOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: NodeId,
): Promise<"retired" | "before" | "not-found"> {
  const ofNode = and(eq(nodes.tenantId, tenantId), eq(nodes.id, id));
  const retired = await tx
    .update(nodes)
    .set({ revokedAt: sql`now()` })
    .where(and(ofNode, isNull(nodes.revokedAt)))
    .returning({ id: nodes.id });
  if (retired.length > 0) return "retired";
  const found = await tx.select({ id: nodes.id }).from(nodes).where(ofNode);
  return found.length > 0 ? "before" : "not-found";
}
