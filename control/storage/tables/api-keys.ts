import { pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";

import type { ApiKeyId, UserId } from "#shared/base/ids.ts";

import { at, tenantId } from "./columns.ts";

/** API keys and sessions; only the SHA-256 of a secret is kept. */
export const apiKeys = pgTable(
  "api_keys",
  {
    tenantId: tenantId(),
    id: text("id").$type<ApiKeyId>().notNull(),
    kind: text("kind", { enum: ["key", "session"] }).notNull(),
    name: text("name").notNull(),
    /** SHA-256 of the secret, hexadecimal. */
    hash: text("hash").notNull(),
    scopes: text("scopes").array().notNull(),
    userId: text("user_id").$type<UserId>(),
    createdAt: at("created_at").notNull().defaultNow(),
    expiresAt: at("expires_at"),
    revokedAt: at("revoked_at"),
    /** Coarse: at most one write a minute. */
    lastUsedAt: at("last_used_at"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex("api_keys_hash").on(table.hash),
  ],
);
