import { and, asc, eq, gte, inArray, isNotNull, isNull, type SQL } from "drizzle-orm";

import type { GroupId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../storage/database.ts";
import { touchedGroups } from "../storage/queries/revisions.ts";
import { groups } from "../storage/tables/groups.ts";
import { nodeRevisions, nodes, nodeStatus } from "../storage/tables/nodes.ts";
import { revisions } from "../storage/tables/revisions.ts";
import {
  receiptView,
  type ReceiptFacts,
  type ReceiptView,
  type RevisionFacts,
} from "./receipt-view.ts";
import { statusFacts } from "./status-row.ts";
import type { ViewDeps } from "./view-deps.ts";

/**
 * Which nodes serve a revision: those of the groups it touched that were not retired. Undefined when
 * the tenant has no such revision.
 */
export async function readReceipt(
  deps: ViewDeps,
  tenantId: TenantId,
  rev: number,
): Promise<ReceiptView | undefined> {
  const read = await deps.database.asTenant(tenantId, async (tx) => {
    const revision = await committed(tx, tenantId, rev);
    if (revision === undefined) return undefined;
    return { revision, nodes: await receiptFacts(tx, tenantId, revision) };
  });
  return read === undefined
    ? undefined
    : receiptView(read.nodes, read.revision, deps.clock.nowMs());
}

interface CommittedRevision {
  readonly rev: number;
  readonly committedAtMs: number;
  /** Ids of the groups that it touched. */
  readonly groups: readonly GroupId[];
}

async function committed(
  tx: Transaction,
  tenantId: TenantId,
  rev: number,
): Promise<CommittedRevision | undefined> {
  const [row] = await tx
    .select()
    .from(revisions)
    .where(and(eq(revisions.tenantId, tenantId), eq(revisions.rev, rev)));
  if (row === undefined) return undefined;
  return { rev, committedAtMs: row.at.getTime(), groups: touchedGroups(row) };
}

async function receiptFacts(
  tx: Transaction,
  tenantId: TenantId,
  revision: CommittedRevision,
): Promise<readonly ReceiptFacts[]> {
  if (revision.groups.length === 0) return [];
  const rows = await concernedNodes(tx, tenantId, revision.groups);
  const own = await ownRows(tx, tenantId, revision.rev);
  const served = await firstServed(tx, tenantId, revision.rev);
  return rows.map(({ node, group, status }) => ({
    node: node.id,
    hostname: node.hostname,
    group,
    joinedAtMs: node.joinedAt.getTime(),
    ...statusFacts(status),
    own: own.get(node.id) ?? null,
    servedAtMs: served.get(node.id) ?? null,
  }));
}

function concernedNodes(tx: Transaction, tenantId: TenantId, groupIds: readonly GroupId[]) {
  return tx
    .select({ node: nodes, group: groups.name, status: nodeStatus })
    .from(nodes)
    .innerJoin(groups, and(eq(groups.tenantId, nodes.tenantId), eq(groups.id, nodes.groupId)))
    .leftJoin(
      nodeStatus,
      and(eq(nodeStatus.tenantId, nodes.tenantId), eq(nodeStatus.nodeId, nodes.id)),
    )
    .where(
      and(
        eq(nodes.tenantId, tenantId),
        inArray(nodes.groupId, [...groupIds]),
        isNull(nodes.revokedAt),
      ),
    )
    .orderBy(asc(nodes.id));
}

async function ownRows(
  tx: Transaction,
  tenantId: TenantId,
  rev: number,
): Promise<ReadonlyMap<string, RevisionFacts>> {
  const rows = await tx
    .select()
    .from(nodeRevisions)
    .where(ofTenant(tenantId, eq(nodeRevisions.rev, rev)));
  return new Map(
    rows.map((row) => [
      row.nodeId,
      {
        sentAtMs: row.sentAt?.getTime() ?? null,
        storedAtMs: row.storedAt?.getTime() ?? null,
        appliedAtMs: row.appliedAt?.getTime() ?? null,
        errors: row.errors,
      },
    ]),
  );
}

/** By node: when it first served this revision or a later one. */
async function firstServed(
  tx: Transaction,
  tenantId: TenantId,
  rev: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .selectDistinctOn([nodeRevisions.nodeId], {
      nodeId: nodeRevisions.nodeId,
      servingAt: nodeRevisions.servingAt,
    })
    .from(nodeRevisions)
    .where(ofTenant(tenantId, and(gte(nodeRevisions.rev, rev), isNotNull(nodeRevisions.servingAt))))
    .orderBy(nodeRevisions.nodeId, nodeRevisions.rev);
  return new Map(
    rows.flatMap(({ nodeId, servingAt }) =>
      servingAt === null ? [] : [[nodeId, servingAt.getTime()] as const],
    ),
  );
}

function ofTenant(tenantId: TenantId, where: SQL | undefined): SQL | undefined {
  return and(eq(nodeRevisions.tenantId, tenantId), where);
}
