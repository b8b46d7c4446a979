import { sql } from "drizzle-orm";

import type { NodeWrites } from "../../node-rows.ts";
import type { Transaction } from "../database.ts";
import { storableJson } from "./node-json.ts";

/** Stores what nodes of whatever tenants said, in one statement (system). */
export async function writeNodes(tx: Transaction, writes: NodeWrites): Promise<void> {
  const { status, hellos, receipts, events } = writes;
  await tx.execute(sql`
    SELECT system.write_nodes(
      ${storableJson(status)}::jsonb, ${storableJson(hellos)}::jsonb,
      ${storableJson(receipts)}::jsonb, ${storableJson(events)}::jsonb)`);
}
