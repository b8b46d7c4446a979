import { pgTable, text } from "drizzle-orm/pg-core";

import type { TenantId } from "#shared/base/ids.ts";

import { at, rev } from "./columns.ts";

/** Tenants; `rev` is the tenant's clock, raised under the row's lock by each committed change. */
export const tenants = pgTable("tenants", {
  id: text("id").$type<TenantId>().primaryKey(),
  name: text("name").notNull(),
  rev: rev("rev").notNull().default(0),
  createdAt: at("created_at").notNull().defaultNow(),
});
