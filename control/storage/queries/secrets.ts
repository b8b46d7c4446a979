import { and, eq, inArray } from "drizzle-orm";
import { unionAll } from "drizzle-orm/pg-core";

import type { SecretId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { certificates } from "../tables/certificates.ts";
import { secrets } from "../tables/secrets.ts";

/** A secret as it lies in Postgres. */
export interface StoredSecret {
  readonly id: SecretId;
  readonly sealed: string;
}

/** Those of the secrets that are there: of definitions, and the keys of certificates. */
export async function secretsOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  ids: readonly SecretId[],
): Promise<readonly StoredSecret[]> {
  if (ids.length === 0) return [];
  const named = tx
    .select({ id: secrets.id, sealed: secrets.sealed })
    .from(secrets)
    .where(and(eq(secrets.tenantId, tenantId), inArray(secrets.id, [...ids])));
  const keys = tx
    .select({ id: certificates.keyId, sealed: certificates.sealedKey })
    .from(certificates)
    .where(and(eq(certificates.tenantId, tenantId), inArray(certificates.keyId, [...ids])));
  return unionAll(named, keys);
}

/** Stores secrets; they are never changed or deleted: older revisions name them. */
export async function insertSecrets(
  tx: Transaction,
  tenantId: TenantId,
  rows: readonly StoredSecret[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.insert(secrets).values(rows.map((row) => ({ ...row, tenantId })));
}
