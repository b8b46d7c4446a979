import { index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import { at, tenantId } from "./columns.ts";

/** Answers of POSTs that carried an Idempotency-Key; claimed in the transaction of the effect. */
export const idempotency = pgTable(
  "idempotency",
  {
    tenantId: tenantId(),
    key: text("key").notNull(),
    /** SHA-256 over method, path and body. */
    fingerprint: text("fingerprint").notNull(),
    /** The outcome as JSON, sealed under the master key: it may hold a secret that is shown once. */
    sealedAnswer: text("sealed_answer").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
    expiresAt: at("expires_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.key] }),
    index("idempotency_expires").on(table.expiresAt),
  ],
);
