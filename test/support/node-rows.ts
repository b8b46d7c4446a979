import type { Sql } from "postgres";

import type { NodeId } from "#shared/base/ids.ts";

import { anyId } from "./tenant-rows.ts";

export interface NodeRowOptions {
  /** A new one unless told; lists of nodes go by it. */
  readonly id?: NodeId | undefined;
  readonly hostname?: string;
  /** The group's name. */
  readonly group?: string;
  readonly joinedAt?: Date;
  /** None unless told: a node that was never heard. */
  readonly capabilities?: readonly string[];
}

/** A node's row in one of a tenant's groups, without its agent: for tests of what is shown of it. */
export async function nodeRow(
  sql: Sql,
  tenantId: string,
  options: NodeRowOptions = {},
): Promise<NodeId> {
  const { id = anyId("nod"), hostname = "host", group = "default" } = options;
  const { joinedAt = new Date(0) } = options;
  const capabilities = [...(options.capabilities ?? [])];
  await sql`
    INSERT INTO nodes
      (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent, capabilities, joined_at)
    SELECT ${tenantId}, ${id}, groups.id, ${hostname}, 'a', 'b', 'midstream/0.1.0', ${capabilities}, ${joinedAt}
    FROM groups WHERE tenant_id = ${tenantId} AND name = ${group}`;
  return id;
}

export interface NodeStatusOptions {
  readonly connected?: boolean;
  readonly running?: number | null;
  readonly desired?: number | null;
  readonly phase?: string | null;
  readonly failing?: number;
  readonly errors?: readonly object[];
  readonly lastSeenAt?: Date;
  readonly connections?: number;
}

/** What the node was last heard to be; replaces what was written before. */
export async function nodeStatusRow(
  sql: Sql,
  node: { readonly tenantId: string; readonly nodeId: string },
  status: NodeStatusOptions = {},
): Promise<void> {
  const { tenantId, nodeId } = node;
  const { running = null, desired = null, errors = [], phase = null } = status;
  await sql`DELETE FROM node_status WHERE tenant_id = ${tenantId} AND node_id = ${nodeId}`;
  await sql`
    INSERT INTO node_status
      (tenant_id, node_id, connected, running, desired, phase, failing, errors, connections, last_seen_at)
    VALUES (${tenantId}, ${nodeId}, ${status.connected ?? true}, ${versionOf(sql, running)},
      ${versionOf(sql, desired)}, ${phase}, ${status.failing ?? 0}, ${sql.json(errors as never)},
      ${status.connections ?? 0}, ${status.lastSeenAt ?? new Date()})`;
}

function versionOf(sql: Sql, rev: number | null) {
  return rev === null ? null : sql.json({ epoch: 1, rev, root: String(rev).padStart(64, "0") });
}

export interface NodeRevisionOptions {
  readonly sentAt?: Date | null;
  readonly storedAt?: Date | null;
  readonly appliedAt?: Date | null;
  readonly servingAt?: Date | null;
  readonly errors?: readonly object[];
}

/** The receipt of a revision on a node. */
export async function nodeRevisionRow(
  sql: Sql,
  at: { readonly tenantId: string; readonly nodeId: string; readonly rev: number },
  receipt: NodeRevisionOptions = {},
): Promise<void> {
  const { sentAt = null, storedAt = null, appliedAt = null, servingAt = null } = receipt;
  await sql`
    INSERT INTO node_revisions
      (tenant_id, node_id, rev, sent_at, stored_at, applied_at, serving_at, errors)
    VALUES (${at.tenantId}, ${at.nodeId}, ${at.rev}, ${sentAt}, ${storedAt}, ${appliedAt},
      ${servingAt}, ${sql.json((receipt.errors ?? []) as never)})`;
}

export interface EventOptions {
  readonly kind: string;
  readonly at?: Date;
  readonly balancer?: string;
  readonly backend?: string;
  readonly detail?: string;
}

/** Something that a node told. */
export async function eventRow(
  sql: Sql,
  node: { readonly tenantId: string; readonly nodeId: string },
  event: EventOptions,
): Promise<void> {
  const { kind, at = new Date(), balancer = null, backend = null, detail = "" } = event;
  await sql`
    INSERT INTO node_events (tenant_id, node_id, at, kind, balancer_id, backend, detail)
    VALUES (${node.tenantId}, ${node.nodeId}, ${at}, ${kind}, ${balancer}, ${backend}, ${detail})`;
}
