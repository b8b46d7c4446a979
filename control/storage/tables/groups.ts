import { pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";

import type { GroupId } from "#shared/base/ids.ts";

import { at, rev, tenantId } from "./columns.ts";

/** Groups of nodes that run the same balancers; `rev` is the last revision that touched the group. */
export const groups = pgTable(
  "groups",
  {
    tenantId: tenantId(),
    id: text("id").$type<GroupId>().notNull(),
    name: text("name").notNull(),
    rev: rev("rev").notNull().default(0),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex("groups_name").on(table.tenantId, table.name),
  ],
);
