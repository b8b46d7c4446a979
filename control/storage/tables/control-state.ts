import { integer, pgTable, text } from "drizzle-orm/pg-core";

import { at } from "./columns.ts";

/** One row: the lineage of this database. Raised after a restore. */
export const controlState = pgTable("control_state", {
  id: integer("id").primaryKey(),
  epoch: integer("epoch").notNull(),
  /** A known text sealed under the master key: tells at start whether the key at hand is the one. */
  masterKeyCheck: text("master_key_check"),
});

/** Keys that sign snapshots; the newest that is not retired signs, all not retired are trusted. */
export const signingKeys = pgTable("signing_keys", {
  keyId: text("key_id").primaryKey(),
  publicKey: text("public_key").notNull(),
  /** PKCS #8 in base64url, sealed under the master key. */
  sealedPrivateKey: text("sealed_private_key").notNull(),
  createdAt: at("created_at").notNull().defaultNow(),
  retiredAt: at("retired_at"),
});
