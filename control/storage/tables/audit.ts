import { bigint, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import { at, tenantId } from "./columns.ts";

/** Who did what, written in the transaction of the change. */
export const audit = pgTable(
  "audit",
  {
    tenantId: tenantId(),
    seq: bigint("seq", { mode: "number" }).generatedAlwaysAsIdentity(),
    at: at("at").notNull().defaultNow(),
    actor: text("actor").notNull(),
    action: text("action").notNull(),
    target: text("target").notNull(),
    beforeHash: text("before_hash"),
    afterHash: text("after_hash"),
    requestId: text("request_id").notNull(),
    address: text("address").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.seq] }),
    index("audit_at").on(table.tenantId, table.at),
  ],
);
