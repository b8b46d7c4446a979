import { sql } from "drizzle-orm";

import type { ClaimedLink, EndedLink, KnownNode, LinkClaim } from "../../node-rows.ts";
import type { Transaction } from "../database.ts";
import { rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

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
