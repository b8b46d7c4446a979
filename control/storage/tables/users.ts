import { pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import { at, tenantId } from "./columns.ts";

/** People. Not a tenant's rows: reached through functions only. */
export const users = pgTable("users", {
  id: text("id").primaryKey(),
  /** Lower case. */
  email: text("email").notNull().unique(),
  /** scrypt with its parameters and salt, see `verbs/tenant/password.ts`. */
  passwordHash: text("password_hash").notNull(),
  createdAt: at("created_at").notNull().defaultNow(),
});

/** Who belongs to which tenant. */
export const memberships = pgTable(
  "memberships",
  {
    tenantId: tenantId(),
    userId: text("user_id").notNull(),
    role: text("role").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.userId] })],
);
