import { sql } from "drizzle-orm";

import type { GroupId, NodeId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

/** A node as its signed header is checked against it. */
export interface KnownNode {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
  readonly nodeId: NodeId;
  /** Raw public keys in base64url: Ed25519 and X25519. */
  readonly signingKey: string;
  readonly receivingKey: string;
  /** The highest generation that connected. */
  readonly generation: number;
  readonly revoked: boolean;
}

/** The nodes with these ids, of whatever tenants (system). */
export function nodesById(tx: Transaction, ids: readonly string[]): Promise<readonly KnownNode[]> {
  return rowsOf<KnownNode>(
    tx,
    sql`
    SELECT tenant_id AS "tenantId", group_id AS "groupId", node_id AS "nodeId",
      signing_key AS "signingKey", receiving_key AS "receivingKey",
      generation::float8 AS generation, revoked
    FROM system.nodes_by_id(${textArray(ids)})`,
  );
}

/** A node that wants to connect with a generation. */
export interface LinkClaim {
  readonly node: NodeId;
  readonly generation: number;
}

/** A claim that won. */
export interface ClaimedLink extends LinkClaim {
  /** The last report of the node's newest boots. */
  readonly marks: Readonly<Record<string, number>>;
}

/** Takes links over; claims that lost against a newer generation are missing (system). */
export function claimLinks(
  tx: Transaction,
  claims: readonly LinkClaim[],
  bootsMax: number,
): Promise<readonly ClaimedLink[]> {
  return rowsOf<ClaimedLink>(
    tx,
    sql`
    SELECT node_id AS node, generation::float8 AS generation, marks
    FROM system.claim_links(${JSON.stringify(claims)}::jsonb, ${bootsMax}::integer)`,
  );
}

/** A link that must end. */
export interface EndedLink {
  readonly node: NodeId;
  readonly why: "revoked" | "replaced";
}

/** Which of these links are over: the node was revoked, or connected elsewhere since (system). */
export function endedLinks(
  tx: Transaction,
  held: readonly LinkClaim[],
): Promise<readonly EndedLink[]> {
  const links = JSON.stringify(held.map(({ node, generation }) => [node, generation]));
  return rowsOf<EndedLink>(
    tx,
    sql`SELECT node_id AS node, why FROM system.ended_links(${links}::jsonb)`,
  );
}
