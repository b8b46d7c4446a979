import { and, asc, eq, isNull } from "drizzle-orm";

import type { TenantId } from "#shared/base/ids.ts";
import { metricSeriesMax } from "#shared/base/limits.ts";

import type { Transaction } from "../storage/database.ts";
import { balancers } from "../storage/tables/balancers.ts";
import { groups } from "../storage/tables/groups.ts";
import { nodes, nodeStatus } from "../storage/tables/nodes.ts";
import { statTotals } from "../storage/tables/statistics.ts";
import { tenants } from "../storage/tables/tenants.ts";
import {
  metricsText,
  type MetricsFacts,
  type NodeSeriesFacts,
  type SeriesFacts,
} from "./metrics-view.ts";
import { isConnected } from "./node-view.ts";
import { statusFacts } from "./status-row.ts";
import type { ViewDeps } from "./view-deps.ts";

/** The tenant's numbers in Prometheus' text format: balancers that exist, nodes that are not retired. */
export async function readMetrics(deps: ViewDeps, tenantId: TenantId): Promise<string> {
  const nowMs = deps.clock.nowMs();
  const facts = await deps.database.asTenant(tenantId, (tx) => metricsFacts(tx, tenantId, nowMs));
  return metricsText(facts);
}

async function metricsFacts(
  tx: Transaction,
  tenantId: TenantId,
  nowMs: number,
): Promise<MetricsFacts> {
  const [tenant] = await tx
    .select({ rev: tenants.rev })
    .from(tenants)
    .where(eq(tenants.id, tenantId));
  const nodeFacts = await nodeSeries(tx, tenantId, nowMs);
  const current = new Set(nodeFacts.filter((node) => node.connected).map(({ node }) => node));
  const series = await totalSeries(tx, tenantId, current);
  return {
    rev: tenant?.rev ?? 0,
    nodes: nodeFacts,
    series: series.slice(0, metricSeriesMax),
    complete: series.length <= metricSeriesMax,
  };
}

async function nodeSeries(
  tx: Transaction,
  tenantId: TenantId,
  nowMs: number,
): Promise<readonly NodeSeriesFacts[]> {
  const rows = await tx
    .select({ id: nodes.id, hostname: nodes.hostname, group: groups.name, status: nodeStatus })
    .from(nodes)
    .innerJoin(groups, and(eq(groups.tenantId, nodes.tenantId), eq(groups.id, nodes.groupId)))
    .leftJoin(
      nodeStatus,
      and(eq(nodeStatus.tenantId, nodes.tenantId), eq(nodeStatus.nodeId, nodes.id)),
    )
    .where(and(eq(nodes.tenantId, tenantId), isNull(nodes.revokedAt)))
    .orderBy(asc(nodes.id));
  return rows.map(({ id, hostname, group, status }) => {
    const facts = statusFacts(status);
    return { node: id, hostname, group, ...facts, connected: isConnected(facts, nowMs) };
  });
}

async function totalSeries(
  tx: Transaction,
  tenantId: TenantId,
  current: ReadonlySet<string>,
): Promise<readonly SeriesFacts[]> {
  const rows = await tx
    .select({ totals: statTotals, balancer: balancers.name })
    .from(statTotals)
    .innerJoin(
      balancers,
      and(eq(balancers.tenantId, statTotals.tenantId), eq(balancers.id, statTotals.balancerId)),
    )
    .where(eq(statTotals.tenantId, tenantId))
    .orderBy(asc(statTotals.balancerId), asc(statTotals.backend), asc(statTotals.nodeId))
    .limit(metricSeriesMax + 1);
  return rows.map(({ totals, balancer }) => ({
    ...totals,
    balancer,
    node: totals.nodeId,
    current: !totals.departed && current.has(totals.nodeId),
  }));
}
