import { and, desc, eq, lt } from "drizzle-orm";

import type { TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { audit } from "../tables/audit.ts";

export type AuditRow = typeof audit.$inferSelect;
export type NewAuditRow = typeof audit.$inferInsert;

/** Notes who did what, in the transaction of the change. */
export async function insertAudit(tx: Transaction, row: NewAuditRow): Promise<void> {
  await tx.insert(audit).values(row);
}

/** Entries before a sequence number, newest first. */
export function auditOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: { readonly before: number | undefined; readonly limit: number },
): Promise<readonly AuditRow[]> {
  const older = page.before === undefined ? undefined : lt(audit.seq, page.before);
  return tx
    .select()
    .from(audit)
    .where(and(eq(audit.tenantId, tenantId), older))
    .orderBy(desc(audit.seq))
    .limit(page.limit);
}
