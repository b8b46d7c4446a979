import { sql } from "drizzle-orm";

import type { GroupId, NodeId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { storableJson, storableText } from "./node-json.ts";
import { firstRowOf } from "./rows.ts";

/** A node that wants to join with a token. */
export interface JoiningNode {
  /** SHA-256 of the token, hexadecimal. */
  readonly tokenHash: string;
  readonly nodeId: NodeId;
  readonly signingKey: string;
  readonly receivingKey: string;
  readonly hostname: string;
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Nodes that the tenant may have. */
  readonly nodesMax: number;
  readonly requestId: string;
  readonly address: string;
}

export type JoinRedemption =
  | {
      readonly outcome: "joined";
      readonly tenantId: TenantId;
      readonly groupId: GroupId;
      readonly epoch: number;
    }
  | { readonly outcome: "unknown" | "expired" | "revoked" | "used" | "full" };

/** Uses a token once and stores the node that came with it (system). */
export async function redeemJoinToken(tx: Transaction, node: JoiningNode): Promise<JoinRedemption> {
  const row = await firstRowOf<JoinRedemption>(
    tx,
    sql`
    SELECT outcome, tenant_id AS "tenantId", group_id AS "groupId", epoch
    FROM system.redeem_join_token(
      ${node.tokenHash}, ${node.nodeId}, ${node.signingKey}, ${node.receivingKey},
      ${storableText(node.hostname)}, ${storableText(node.agent)},
      ${storableJson(node.labels)}::jsonb, ${node.nodesMax}::integer,
      ${node.requestId}, ${node.address})`,
  );
  return row ?? { outcome: "unknown" };
}
