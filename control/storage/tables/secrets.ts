import { pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import type { SecretId } from "#shared/base/ids.ts";

import { at, tenantId } from "./columns.ts";

/** Secret values that definitions name by id, sealed under the master key. */
export const secrets = pgTable(
  "secrets",
  {
    tenantId: tenantId(),
    id: text("id").$type<SecretId>().notNull(),
    sealed: text("sealed").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);
