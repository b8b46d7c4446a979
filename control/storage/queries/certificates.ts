import { and, asc, count, eq, gt, sql } from "drizzle-orm";

import type { BalancerId, CertificateId, GroupId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { balancers } from "../tables/balancers.ts";
import { certificates } from "../tables/certificates.ts";
import { rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

/** A certificate without its key, which only whoever seals it for a node reads. */
export type CertificateRow = Omit<typeof certificates.$inferSelect, "keyId" | "sealedKey">;
export type NewCertificateRow = typeof certificates.$inferInsert;

const shown = {
  tenantId: certificates.tenantId,
  id: certificates.id,
  name: certificates.name,
  hash: certificates.hash,
  details: certificates.details,
  revCreated: certificates.revCreated,
  revUpdated: certificates.revUpdated,
  createdAt: certificates.createdAt,
  updatedAt: certificates.updatedAt,
};

/** One certificate. */
export async function certificateOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: CertificateId,
): Promise<CertificateRow | undefined> {
  const [row] = await tx
    .select(shown)
    .from(certificates)
    .where(and(eq(certificates.tenantId, tenantId), eq(certificates.id, id)));
  return row;
}

/** Certificates after an id, oldest first. */
export function certificatesOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: { readonly after: CertificateId | undefined; readonly limit: number },
): Promise<readonly CertificateRow[]> {
  const later = page.after === undefined ? undefined : gt(certificates.id, page.after);
  return tx
    .select(shown)
    .from(certificates)
    .where(and(eq(certificates.tenantId, tenantId), later))
    .orderBy(asc(certificates.id))
    .limit(page.limit);
}

/** Which of these there are. */
export async function knownCertificates(
  tx: Transaction,
  tenantId: TenantId,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await rowsOf<{ readonly id: string }>(
    tx,
    sql`SELECT id FROM ${certificates} WHERE tenant_id = ${tenantId} AND id = ANY (${textArray(ids)})`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** The certificate with a name. */
export async function certificateNamed(
  tx: Transaction,
  tenantId: TenantId,
  name: string,
): Promise<CertificateId | undefined> {
  const [row] = await tx
    .select({ id: certificates.id })
    .from(certificates)
    .where(and(eq(certificates.tenantId, tenantId), eq(certificates.name, name)));
  return row?.id;
}

export async function countCertificatesOfTenant(
  tx: Transaction,
  tenantId: TenantId,
): Promise<number> {
  const [row] = await tx
    .select({ count: count() })
    .from(certificates)
    .where(eq(certificates.tenantId, tenantId));
  return row?.count ?? 0;
}

/** A balancer that names a certificate. */
export interface CertificateUser {
  readonly certificate: CertificateId;
  readonly id: BalancerId;
  readonly name: string;
  readonly group: GroupId;
}

/** The balancers that name these certificates, oldest first. */
export function usersOfCertificates(
  tx: Transaction,
  tenantId: TenantId,
  ids: readonly CertificateId[],
): Promise<readonly CertificateUser[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return rowsOf<CertificateUser>(
    tx,
    sql`
    SELECT used.certificate, b.id, b.name, b.group_id AS "group"
      FROM ${balancers} b CROSS JOIN LATERAL unnest(b.certificates) AS used(certificate)
      WHERE b.tenant_id = ${tenantId} AND used.certificate = ANY (${textArray(ids)})
      ORDER BY b.id`,
  );
}

/** Stores a new certificate. */
export async function insertCertificate(
  tx: Transaction,
  row: NewCertificateRow,
): Promise<CertificateRow> {
  const [stored] = await tx.insert(certificates).values(row).returning(shown);
  if (stored === undefined) throw new Error("an insert returned no row");
  return stored;
}

/** What a renewal replaces. */
export type CertificateChangeRow = Pick<
  typeof certificates.$inferSelect,
  "name" | "hash" | "details" | "keyId" | "sealedKey" | "revUpdated"
>;

/** Replaces a certificate that is there. */
export async function updateCertificateRow(
  tx: Transaction,
  key: { readonly tenantId: TenantId; readonly id: CertificateId },
  change: CertificateChangeRow,
): Promise<CertificateRow> {
  const [row] = await tx
    .update(certificates)
    .set({ ...change, updatedAt: sql`now()` })
    .where(and(eq(certificates.tenantId, key.tenantId), eq(certificates.id, key.id)))
    .returning(shown);
  if (row === undefined) throw new Error("an update of a held row found nothing");
  return row;
}

/** Deletes a certificate and its key; bodies and revisions stay. */
export async function deleteCertificate(
  tx: Transaction,
  tenantId: TenantId,
  id: CertificateId,
): Promise<void> {
  await tx
    .delete(certificates)
    .where(and(eq(certificates.tenantId, tenantId), eq(certificates.id, id)));
}
