import { sql } from "drizzle-orm";

import type { TenantId } from "#shared/base/ids.ts";

import type { LeavingNode } from "../../node-rows.ts";
import type { Transaction } from "../database.ts";
import { ringDoorbell } from "./revisions.ts";
import { firstRowOf } from "./rows.ts";

/** Retires a node in its own name and, the first time, tells all instances of it (system). */
export async function retireLeavingNode(
  tx: Transaction,
  { nodeId, requestId, address }: LeavingNode,
  { doorbell }: { readonly doorbell: boolean },
): Promise<void> {
  const row = await firstRowOf<{ readonly tenantId: TenantId }>(
    tx,
    sql`
    SELECT tenant_id AS "tenantId"
    FROM system.retire_node(${nodeId}, ${requestId}, ${address})`,
  );
  if (row !== undefined && doorbell) await ringDoorbell(tx, row.tenantId);
}
