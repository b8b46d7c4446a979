import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  pgTable,
  primaryKey,
  text,
} from "drizzle-orm/pg-core";

import { at, tenantId } from "./columns.ts";

const counter = (name: string) => bigint(name, { mode: "number" }).notNull().default(0);

const counters = () => ({
  connections: counter("connections"),
  refused: counter("refused"),
  rejected: counter("rejected"),
  rxBytes: counter("rx_bytes"),
  txBytes: counter("tx_bytes"),
});

/** Since the beginning, per node and backend (`backend` empty: the balancer); gauges as last heard. */
export const statTotals = pgTable(
  "stat_totals",
  {
    tenantId: tenantId(),
    balancerId: text("balancer_id").notNull(),
    nodeId: text("node_id").notNull(),
    backend: text("backend").notNull(),
    ...counters(),
    activeConnections: doublePrecision("active_connections").notNull().default(0),
    live: doublePrecision("live").notNull().default(0),
    /** The node told of it for the last time: its gauges are nothing, its counters stay for a while. */
    departed: boolean("departed").notNull().default(false),
    updatedAt: at("updated_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.balancerId, table.nodeId, table.backend] }),
    index("stat_totals_departed")
      .on(table.updatedAt)
      .where(sql`departed`),
  ],
);

/** Ten-second buckets per node and backend, for windows up to the retention. */
export const stat10s = pgTable(
  "stat_10s",
  {
    tenantId: tenantId(),
    balancerId: text("balancer_id").notNull(),
    nodeId: text("node_id").notNull(),
    backend: text("backend").notNull(),
    bucket: at("bucket").notNull(),
    ...counters(),
  },
  (table) => [
    primaryKey({
      columns: [table.tenantId, table.balancerId, table.bucket, table.nodeId, table.backend],
    }),
    index("stat_10s_bucket").on(table.bucket),
  ],
);

/** One-minute buckets, nodes merged, for longer windows. */
export const stat1m = pgTable(
  "stat_1m",
  {
    tenantId: tenantId(),
    balancerId: text("balancer_id").notNull(),
    backend: text("backend").notNull(),
    bucket: at("bucket").notNull(),
    ...counters(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.balancerId, table.bucket, table.backend] }),
    index("stat_1m_bucket").on(table.bucket),
  ],
);

/** The last report taken of each boot of a node: what makes every report count once. */
export const statSeen = pgTable(
  "stat_seen",
  {
    tenantId: tenantId(),
    nodeId: text("node_id").notNull(),
    bootId: text("boot_id").notNull(),
    seq: bigint("seq", { mode: "number" }).notNull(),
    /** Rows the node declared as dropped. */
    dropped: bigint("dropped", { mode: "number" }).notNull().default(0),
    at: at("at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.nodeId, table.bootId] })],
);
