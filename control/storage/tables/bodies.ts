import { pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import { at, tenantId } from "./columns.ts";

/** Definitions by content: history costs only what changed. */
export const bodies = pgTable(
  "bodies",
  {
    tenantId: tenantId(),
    /** SHA-256 of `body`, hexadecimal. */
    hash: text("hash").notNull(),
    /** Canonical JSON. */
    body: text("body").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.hash] })],
);
