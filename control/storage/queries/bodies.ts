import type { TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { bodies } from "../tables/bodies.ts";

/** A definition's canonical JSON and its SHA-256. */
export interface Body {
  readonly hash: string;
  readonly body: string;
}

/** Keeps bodies; those that are there already are the same. */
export async function insertBodies(
  tx: Transaction,
  tenantId: TenantId,
  rows: readonly Body[],
): Promise<void> {
  if (rows.length === 0) return;
  const values = rows.map((row) => ({ ...row, tenantId }));
  await tx.insert(bodies).values(values).onConflictDoNothing();
}
