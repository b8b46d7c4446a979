import { sql } from "drizzle-orm";

import type { JoiningNode, JoinRedemption } from "../../node-rows.ts";
import type { Transaction } from "../database.ts";
import { storableJson, storableText } from "./node-json.ts";
import { firstRowOf } from "./rows.ts";

/**
 * Uses a token once and stores the node that came with it; gives the node that is there when the
 * same keys come with the same token again (system).
 */
export async function redeemJoinToken(tx: Transaction, node: JoiningNode): Promise<JoinRedemption> {
  const row = await firstRowOf<JoinRedemption>(
    tx,
    sql`
    SELECT outcome, tenant_id AS "tenantId", group_id AS "groupId", epoch, node_id AS "nodeId"
    FROM system.redeem_join_token(
      ${node.tokenHash}, ${node.nodeId}, ${node.signingKey}, ${node.receivingKey},
      ${storableText(node.hostname)}, ${storableText(node.agent)},
      ${storableJson(node.labels)}::jsonb, ${node.nodesMax}::integer,
      ${node.requestId}, ${node.address})`,
  );
  return row ?? { outcome: "unknown" };
}
