import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";

import type { GroupId, JoinTokenId, NodeId } from "#shared/base/ids.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

import { at, rev, tenantId } from "./columns.ts";

/** Hosts that joined. Rarely written; what changes often stands in `node_status`. */
export const nodes = pgTable(
  "nodes",
  {
    tenantId: tenantId(),
    id: text("id").$type<NodeId>().notNull(),
    groupId: text("group_id").$type<GroupId>().notNull(),
    hostname: text("hostname").notNull(),
    /** Raw public keys, base64url: Ed25519 and X25519. */
    signingKey: text("signing_key").notNull(),
    receivingKey: text("receiving_key").notNull(),
    /** The highest generation that connected; an older one is refused. */
    generation: bigint("generation", { mode: "number" }).notNull().default(0),
    agent: text("agent").notNull(),
    capabilities: text("capabilities").array().notNull().default([]),
    labels: jsonb("labels").$type<Readonly<Record<string, string>>>().notNull().default({}),
    os: text("os").notNull().default(""),
    joinedAt: at("joined_at").notNull().defaultNow(),
    revokedAt: at("revoked_at"),
    /** The token it joined with: asked for again with it and the same keys, it is the same node. */
    joinTokenId: text("join_token_id").$type<JoinTokenId>(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index("nodes_join_token").on(table.tenantId, table.joinTokenId),
  ],
);

/** What a node was last heard to run. */
export const nodeStatus = pgTable(
  "node_status",
  {
    tenantId: tenantId(),
    nodeId: text("node_id").$type<NodeId>().notNull(),
    connected: boolean("connected").notNull().default(false),
    /** The control instance that holds the link, and the link's session. */
    instance: text("instance"),
    session: text("session"),
    desired: jsonb("desired").$type<Version>(),
    running: jsonb("running").$type<Version>(),
    /** `sent`, `stored`, `applied`, `serving`, `degraded`, `refused`; null before the first. */
    phase: text("phase"),
    failing: integer("failing").notNull().default(0),
    errors: jsonb("errors").$type<readonly ApplyError[]>().notNull().default([]),
    durable: boolean("durable").notNull().default(true),
    connections: integer("connections").notNull().default(0),
    lastSeenAt: at("last_seen_at"),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.nodeId] })],
);

/** The receipt of a revision on one node. */
export const nodeRevisions = pgTable(
  "node_revisions",
  {
    tenantId: tenantId(),
    nodeId: text("node_id").$type<NodeId>().notNull(),
    rev: rev("rev").notNull(),
    sentAt: at("sent_at"),
    storedAt: at("stored_at"),
    appliedAt: at("applied_at"),
    servingAt: at("serving_at"),
    errors: jsonb("errors").$type<readonly ApplyError[]>().notNull().default([]),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.nodeId, table.rev] })],
);

/** Flips that nodes reported. */
export const nodeEvents = pgTable(
  "node_events",
  {
    tenantId: tenantId(),
    nodeId: text("node_id").$type<NodeId>().notNull(),
    seq: bigint("seq", { mode: "number" }).generatedAlwaysAsIdentity(),
    /** From who writes it: what is written again is not stored again. */
    key: text("key"),
    at: at("at").notNull(),
    kind: text("kind").notNull(),
    balancerId: text("balancer_id"),
    backend: text("backend"),
    detail: text("detail").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.nodeId, table.seq] }),
    uniqueIndex("node_events_key").on(table.tenantId, table.nodeId, table.key),
    index("node_events_seq").on(table.tenantId, table.seq),
    index("node_events_balancer").on(table.tenantId, table.balancerId, table.seq),
  ],
);
