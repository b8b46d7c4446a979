import { jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";

import type { CertificateId, SecretId } from "#shared/base/ids.ts";

import { at, rev, tenantId } from "./columns.ts";

/** What a certificate says of itself, as far as it is shown. */
export interface CertificateDetails {
  /** Of the subject and the issuer: the whole name, its parts joined with ", ". */
  readonly subject: string;
  readonly issuer: string;
  /** Host names and addresses that it is for (RFC 6125); those beyond are counted. */
  readonly names: readonly string[];
  readonly namesOmitted: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Of the whole chain: the first of its certificates to end. */
  readonly chainNotAfterMs: number;
  /** `rsa-2048`, `ec-p256`, `ed25519` … */
  readonly keyType: string;
  /** SHA-256 of the certificate, 64 hexadecimal digits in lower case. */
  readonly fingerprint: string;
  readonly serialNumber: string;
  /** Certificates, the leaf included. */
  readonly chainLength: number;
  /** SHA-256 of the whole chain: the same certificate may come with other issuers. */
  readonly chainHash: string;
}

/**
 * Certificates as they stand now, with their keys. A renewal replaces the key and a removal deletes
 * it: history names bodies only, which hold no key.
 */
export const certificates = pgTable(
  "certificates",
  {
    tenantId: tenantId(),
    id: text("id").$type<CertificateId>().notNull(),
    name: text("name").notNull(),
    /** SHA-256 of the body, hexadecimal: the manifest's hash and the key in `bodies`. */
    hash: text("hash").notNull(),
    /** What is shown of it. */
    details: jsonb("details").$type<CertificateDetails>().notNull(),
    /** The id by which the body names the key: another one with each renewal. */
    keyId: text("key_id").$type<SecretId>().notNull(),
    /** PKCS #8 in PEM, sealed. */
    sealedKey: text("sealed_key").notNull(),
    revCreated: rev("rev_created").notNull(),
    revUpdated: rev("rev_updated").notNull(),
    createdAt: at("created_at").notNull().defaultNow(),
    updatedAt: at("updated_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex("certificates_name").on(table.tenantId, table.name),
    uniqueIndex("certificates_key").on(table.tenantId, table.keyId),
  ],
);
