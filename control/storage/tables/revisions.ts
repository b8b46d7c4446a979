import { boolean, index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import type { BalancerId, CertificateId, GroupId } from "#shared/base/ids.ts";

import { at, rev, tenantId } from "./columns.ts";

/** What one revision did to one balancer: hashes name bodies, null means it was not there. */
export interface RevisionChange {
  readonly balancer: BalancerId;
  readonly name: string;
  readonly group: GroupId;
  readonly before: string | null;
  readonly after: string | null;
}

/** What one revision did to one certificate. */
export interface CertificateChange {
  readonly certificate: CertificateId;
  readonly name: string;
  /** Groups with a balancer that uses it. */
  readonly groups: readonly GroupId[];
  /** Hashes of bodies; null means it was not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/** The committed changes of a tenant, append-only. */
export const revisions = pgTable(
  "revisions",
  {
    tenantId: tenantId(),
    rev: rev("rev").notNull(),
    /** Id of the API key that made it. */
    actor: text("actor").notNull(),
    /** `balancer.create`, `certificate.update`, `revision.rollback` … */
    action: text("action").notNull(),
    changes: jsonb("changes").$type<readonly RevisionChange[]>().notNull(),
    at: at("at").notNull().defaultNow(),
    certificates: jsonb("certificates").$type<readonly CertificateChange[]>().notNull().default([]),
    /** It takes so much away that it wanted a confirmation, and had it. */
    confirmed: boolean("confirmed").notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.rev] }),
    index("revisions_at").on(table.tenantId, table.at),
  ],
);
