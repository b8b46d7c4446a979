import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";

import type { BalancerId, GroupId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import { at, rev, tenantId } from "./columns.ts";

/** Balancers as they stand now. Older forms live on as bodies named by revisions. */
export const balancers = pgTable(
  "balancers",
  {
    tenantId: tenantId(),
    id: text("id").$type<BalancerId>().notNull(),
    name: text("name").notNull(),
    groupId: text("group_id").$type<GroupId>().notNull(),
    /** Defaults filled in, secrets as references. */
    definition: jsonb("definition").$type<Balancer>().notNull(),
    /** SHA-256 of the canonical definition, hexadecimal: the manifest's hash and the key in `bodies`. */
    hash: text("hash").notNull(),
    /** Ids of the stored certificates that the definition names: they go to the group's nodes. */
    certificates: text("certificates")
      .array()
      .notNull()
      .default(sql`'{}'::text[]`),
    revCreated: rev("rev_created").notNull(),
    revUpdated: rev("rev_updated").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
    updatedAt: at("updated_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex("balancers_name").on(table.tenantId, table.name),
    index("balancers_group").on(table.tenantId, table.groupId),
  ],
);
