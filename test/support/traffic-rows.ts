import type { Sql } from "postgres";

/** Counters of a row; what is not named is 0. */
export interface TrafficCounts {
  readonly connections?: number;
  readonly refused?: number;
  readonly rejected?: number;
  readonly rxBytes?: number;
  readonly txBytes?: number;
}

export interface TrafficPlace {
  readonly tenantId: string;
  readonly balancerId: string;
  readonly nodeId: string;
  /** `host:port`, or empty for the balancer as a whole. */
  readonly backend?: string;
}

/** Counters of a ten-second bucket. */
export async function bucketRow(
  sql: Sql,
  place: TrafficPlace,
  bucket: Date,
  counts: TrafficCounts,
): Promise<void> {
  await sql`
    INSERT INTO stat_10s
      (tenant_id, balancer_id, node_id, backend, bucket, connections, refused, rejected, rx_bytes, tx_bytes)
    VALUES (${place.tenantId}, ${place.balancerId}, ${place.nodeId}, ${place.backend ?? ""},
      ${bucket}, ${counts.connections ?? 0}, ${counts.refused ?? 0}, ${counts.rejected ?? 0},
      ${counts.rxBytes ?? 0}, ${counts.txBytes ?? 0})`;
}

/** Counters of a one-minute bucket, in which nodes are merged. */
export async function minuteRow(
  sql: Sql,
  place: Omit<TrafficPlace, "nodeId">,
  bucket: Date,
  counts: TrafficCounts,
): Promise<void> {
  await sql`
    INSERT INTO stat_1m
      (tenant_id, balancer_id, backend, bucket, connections, refused, rejected, rx_bytes, tx_bytes)
    VALUES (${place.tenantId}, ${place.balancerId}, ${place.backend ?? ""}, ${bucket},
      ${counts.connections ?? 0}, ${counts.refused ?? 0}, ${counts.rejected ?? 0},
      ${counts.rxBytes ?? 0}, ${counts.txBytes ?? 0})`;
}

/** Totals since the beginning, and gauges as last heard. */
export async function totalsRow(
  sql: Sql,
  place: TrafficPlace,
  counts: TrafficCounts & {
    readonly activeConnections?: number;
    readonly live?: number;
    readonly departed?: boolean;
  },
): Promise<void> {
  await sql`
    INSERT INTO stat_totals
      (tenant_id, balancer_id, node_id, backend, connections, refused, rejected, rx_bytes, tx_bytes,
       active_connections, live, departed, updated_at)
    VALUES (${place.tenantId}, ${place.balancerId}, ${place.nodeId}, ${place.backend ?? ""},
      ${counts.connections ?? 0}, ${counts.refused ?? 0}, ${counts.rejected ?? 0},
      ${counts.rxBytes ?? 0}, ${counts.txBytes ?? 0}, ${counts.activeConnections ?? 0},
      ${counts.live ?? 0}, ${counts.departed ?? false}, now())`;
}
