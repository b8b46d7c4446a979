import { and, asc, count, eq, gt, isNull, or, sql } from "drizzle-orm";

import type { ApiKeyId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { apiKeys } from "../tables/api-keys.ts";

export type ApiKeyRow = typeof apiKeys.$inferSelect;
export type NewApiKeyRow = typeof apiKeys.$inferInsert;

/** Stores a key or a session. */
export async function insertApiKey(tx: Transaction, row: NewApiKeyRow): Promise<ApiKeyRow> {
  const [stored] = await tx.insert(apiKeys).values(row).returning();
  if (stored === undefined) throw new Error("an insert returned no row");
  return stored;
}

/** Keys after an id, oldest first. */
export function apiKeysOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: { readonly after: ApiKeyId | undefined; readonly limit: number },
): Promise<readonly ApiKeyRow[]> {
  const later = page.after === undefined ? undefined : gt(apiKeys.id, page.after);
  return tx
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, tenantId), later))
    .orderBy(asc(apiKeys.id))
    .limit(page.limit);
}

/** How many keys still work; sessions are not counted. */
export async function countApiKeysOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  nowMs: number,
): Promise<number> {
  const works = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, new Date(nowMs)));
  const [row] = await tx
    .select({ count: count() })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.tenantId, tenantId),
        eq(apiKeys.kind, "key"),
        isNull(apiKeys.revokedAt),
        works,
      ),
    );
  return row?.count ?? 0;
}

/** Ends a key: `revoked` the first time, `before` when it was revoked already. */
export async function revokeApiKeyOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: ApiKeyId,
): Promise<"revoked" | "before" | "not-found"> {
  const ofKey = and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.id, id));
  const revoked = await tx
    .update(apiKeys)
    .set({ revokedAt: sql`now()` })
    .where(and(ofKey, isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id });
  if (revoked.length > 0) return "revoked";
  const found = await tx.select({ id: apiKeys.id }).from(apiKeys).where(ofKey);
  return found.length > 0 ? "before" : "not-found";
}
