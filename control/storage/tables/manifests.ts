import { integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Signature } from "#shared/snapshot/signature.ts";

import { at, rev, tenantId } from "./columns.ts";

/** What a group's nodes run at a revision, signed. Written when published, the last ones kept. */
export const manifests = pgTable(
  "manifests",
  {
    tenantId: tenantId(),
    groupId: text("group_id").notNull(),
    epoch: integer("epoch").notNull(),
    rev: rev("rev").notNull(),
    root: text("root").notNull(),
    entries: jsonb("entries").$type<Manifest>().notNull(),
    signature: jsonb("signature").$type<Signature>().notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.groupId, table.epoch, table.rev] })],
);
