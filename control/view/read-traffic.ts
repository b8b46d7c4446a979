import { and, eq, gt, isNull, max, sql, sum, type AnyColumn, type SQL } from "drizzle-orm";

import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";
import { buckets10sMsKept, rateWindowMsMax } from "#shared/base/limits.ts";
import type { ManagedBackend } from "#shared/definition/managed-backend.ts";

import type { Transaction } from "../storage/database.ts";
import { balancers } from "../storage/tables/balancers.ts";
import { nodes, nodeStatus } from "../storage/tables/nodes.ts";
import { stat10s, stat1m, statSeen, statTotals } from "../storage/tables/statistics.ts";
import {
  trafficView,
  type BucketRow,
  type ExpectedNode,
  type TrafficCounters,
  type TrafficRows,
  type TrafficView,
} from "./traffic-view.ts";
import type { ViewDeps } from "./view-deps.ts";

export interface TrafficQuestion {
  readonly balancerId: BalancerId;
  readonly windowMs: number;
  /** The window as it was written, for the answer. */
  readonly window: string;
}

/** A balancer's traffic within a window; undefined when the tenant has no such balancer. */
export async function readTraffic(
  deps: ViewDeps,
  tenantId: TenantId,
  question: TrafficQuestion,
): Promise<TrafficView | undefined> {
  const nowMs = deps.clock.nowMs();
  const span = {
    tenantId,
    ...question,
    nowMs,
    rateMs: Math.min(question.windowMs, rateWindowMsMax),
  };
  const rows = await deps.database.asTenant(tenantId, (tx) => trafficRows(tx, span));
  return rows === undefined ? undefined : trafficView(rows, span);
}

interface Span extends TrafficQuestion {
  readonly tenantId: TenantId;
  readonly rateMs: number;
  readonly nowMs: number;
}

/** Of a definition with a thousand backends only these are wanted. */
const managedBackends = sql<
  readonly ManagedBackend[] | null
>`${balancers.definition} -> 'managedBackends'`;

async function trafficRows(tx: Transaction, span: Span): Promise<TrafficRows | undefined> {
  const { tenantId, balancerId } = span;
  const [balancer] = await tx
    .select({ groupId: balancers.groupId, managed: managedBackends })
    .from(balancers)
    .where(and(eq(balancers.tenantId, tenantId), eq(balancers.id, balancerId)));
  if (balancer === undefined) return undefined;
  return {
    buckets: await bucketRows(tx, span),
    recent: await recentCounters(tx, span),
    gauges: await gaugeRows(tx, span),
    nodes: await expectedNodes(tx, tenantId, balancer.groupId),
    managed: balancer.managed ?? [],
  };
}

type CounterColumns = Readonly<Record<keyof TrafficCounters, AnyColumn>>;

function sums(table: CounterColumns) {
  const total = (of: AnyColumn): SQL<number> => sql`coalesce(sum(${of}), 0)`.mapWith(Number);
  return {
    connections: total(table.connections),
    refused: total(table.refused),
    rejected: total(table.rejected),
    rxBytes: total(table.rxBytes),
    txBytes: total(table.txBytes),
  };
}

/** A bucket counts when any of it lies within the window. */
function startOf(span: Span, spanMs: number, bucketMs: number): Date {
  return new Date(span.nowMs - spanMs - bucketMs);
}

function bucketRows(tx: Transaction, span: Span): Promise<readonly BucketRow[]> {
  const { tenantId, balancerId, windowMs } = span;
  if (windowMs > buckets10sMsKept) {
    return tx
      .select({ nodeId: sql<null>`null`, backend: stat1m.backend, ...sums(stat1m) })
      .from(stat1m)
      .where(
        and(
          eq(stat1m.tenantId, tenantId),
          eq(stat1m.balancerId, balancerId),
          gt(stat1m.bucket, startOf(span, windowMs, 60_000)),
        ),
      )
      .groupBy(stat1m.backend);
  }
  return tx
    .select({ nodeId: stat10s.nodeId, backend: stat10s.backend, ...sums(stat10s) })
    .from(stat10s)
    .where(
      and(
        eq(stat10s.tenantId, tenantId),
        eq(stat10s.balancerId, balancerId),
        gt(stat10s.bucket, startOf(span, windowMs, 10_000)),
      ),
    )
    .groupBy(stat10s.nodeId, stat10s.backend);
}

async function recentCounters(tx: Transaction, span: Span): Promise<TrafficCounters> {
  const [row] = await tx
    .select(sums(stat10s))
    .from(stat10s)
    .where(
      and(
        eq(stat10s.tenantId, span.tenantId),
        eq(stat10s.balancerId, span.balancerId),
        eq(stat10s.backend, ""),
        gt(stat10s.bucket, startOf(span, span.rateMs, 10_000)),
      ),
    );
  return row ?? { connections: 0, refused: 0, rejected: 0, rxBytes: 0, txBytes: 0 };
}

function gaugeRows(tx: Transaction, span: Span) {
  return tx
    .select({
      nodeId: statTotals.nodeId,
      backend: statTotals.backend,
      activeConnections: statTotals.activeConnections,
      live: statTotals.live,
      departed: statTotals.departed,
    })
    .from(statTotals)
    .where(and(eq(statTotals.tenantId, span.tenantId), eq(statTotals.balancerId, span.balancerId)));
}

/** Nodes of the group that were not retired, and what is known of their reports. */
async function expectedNodes(
  tx: Transaction,
  tenantId: TenantId,
  groupId: GroupId,
): Promise<readonly ExpectedNode[]> {
  const reported = tx
    .select({
      nodeId: statSeen.nodeId,
      at: max(statSeen.at).as("reported_at"),
      dropped: sum(statSeen.dropped).as("dropped"),
    })
    .from(statSeen)
    .where(eq(statSeen.tenantId, tenantId))
    .groupBy(statSeen.nodeId)
    .as("reported");
  const rows = await tx
    .select({
      nodeId: nodes.id,
      hostname: nodes.hostname,
      reportedAt: reported.at,
      dropped: reported.dropped,
      seenAt: nodeStatus.lastSeenAt,
    })
    .from(nodes)
    .leftJoin(
      nodeStatus,
      and(eq(nodeStatus.tenantId, nodes.tenantId), eq(nodeStatus.nodeId, nodes.id)),
    )
    .leftJoin(reported, eq(reported.nodeId, nodes.id))
    .where(and(eq(nodes.tenantId, tenantId), eq(nodes.groupId, groupId), isNull(nodes.revokedAt)))
    .orderBy(nodes.id);
  return rows.map(({ nodeId, hostname, reportedAt, seenAt, dropped }) => ({
    nodeId,
    hostname,
    heardAtMs: latestMs(reportedAt, seenAt),
    droppedRows: Number(dropped ?? 0),
  }));
}

function latestMs(...moments: readonly (Date | null)[]): number | null {
  const known = moments.flatMap((at) => at?.getTime() ?? []);
  return known.length === 0 ? null : Math.max(...known);
}
