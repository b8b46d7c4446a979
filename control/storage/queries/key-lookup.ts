import { sql } from "drizzle-orm";

import type { ApiKeyId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { firstRowOf } from "./rows.ts";

/** Whose key it is. */
export interface KeyOwner {
  readonly tenantId: TenantId;
  readonly keyId: ApiKeyId;
  readonly scopes: readonly string[];
}

interface OwnerRow {
  readonly tenant_id: TenantId;
  readonly key_id: ApiKeyId;
  readonly scopes: readonly string[];
}

/**
 * The owner of the key with this SHA-256 (hex), unless it was revoked or is over. Marks the use, at
 * most once a minute (system).
 */
export async function apiKeyByHash(tx: Transaction, hash: string): Promise<KeyOwner | undefined> {
  const row = await firstRowOf<OwnerRow>(
    tx,
    sql`
    SELECT tenant_id, key_id, to_jsonb(scopes) AS scopes FROM system.api_key_by_hash(${hash})`,
  );
  if (row === undefined) return undefined;
  return { tenantId: row.tenant_id, keyId: row.key_id, scopes: row.scopes };
}
