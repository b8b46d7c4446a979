import { and, desc, eq, lt } from "drizzle-orm";

import type { BalancerId, NodeId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { nodeEvents } from "../tables/nodes.ts";

export type NodeEventRow = typeof nodeEvents.$inferSelect;

export interface NodeEventPage {
  readonly before: number | undefined;
  readonly limit: number;
  /** Only those of this node. */
  readonly node: NodeId | undefined;
  /** Only those about this balancer. */
  readonly balancer: BalancerId | undefined;
}

/** Events before a sequence number, newest first. */
export function nodeEventsOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: NodeEventPage,
): Promise<readonly NodeEventRow[]> {
  const { before, node, balancer } = page;
  return tx
    .select()
    .from(nodeEvents)
    .where(
      and(
        eq(nodeEvents.tenantId, tenantId),
        node === undefined ? undefined : eq(nodeEvents.nodeId, node),
        balancer === undefined ? undefined : eq(nodeEvents.balancerId, balancer),
        before === undefined ? undefined : lt(nodeEvents.seq, before),
      ),
    )
    .orderBy(desc(nodeEvents.seq))
    .limit(page.limit);
}
