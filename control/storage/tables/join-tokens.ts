import { integer, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";

import type { GroupId, JoinTokenId } from "#shared/base/ids.ts";

import { at, tenantId } from "./columns.ts";

/** Join tokens; only the SHA-256 is kept. Redeemed by one conditional update. */
export const joinTokens = pgTable(
  "join_tokens",
  {
    tenantId: tenantId(),
    id: text("id").$type<JoinTokenId>().notNull(),
    hash: text("hash").notNull(),
    groupId: text("group_id").$type<GroupId>().notNull(),
    uses: integer("uses").notNull(),
    usesLeft: integer("uses_left").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
    expiresAt: at("expires_at").notNull(),
    revokedAt: at("revoked_at"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex("join_tokens_hash").on(table.hash),
  ],
);
