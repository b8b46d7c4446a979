import { eq, sql } from "drizzle-orm";

import { Fault } from "#shared/base/fault.ts";
import type { TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { tenants } from "../tables/tenants.ts";

/**
 * The tenant's next revision number. Holds the tenant's row until the transaction ends: whatever
 * else changes the tenant waits, so that what is read from here on stays as it is.
 */
export async function nextRevision(tx: Transaction, tenantId: TenantId): Promise<number> {
  const [row] = await tx
    .update(tenants)
    .set({ rev: sql`${tenants.rev} + 1` })
    .where(eq(tenants.id, tenantId))
    .returning({ rev: tenants.rev });
  if (row === undefined) throw noSuchTenant();
  return row.rev;
}

/** The tenant's revision; holds the tenant's row like `nextRevision`. */
export async function lockTenant(tx: Transaction, tenantId: TenantId): Promise<number> {
  const [row] = await tx
    .select({ rev: tenants.rev })
    .from(tenants)
    .where(eq(tenants.id, tenantId))
    .for("no key update");
  if (row === undefined) throw noSuchTenant();
  return row.rev;
}

/** The tenant's revision at this moment. */
export async function revisionOfTenant(tx: Transaction, tenantId: TenantId): Promise<number> {
  const [row] = await tx.select({ rev: tenants.rev }).from(tenants).where(eq(tenants.id, tenantId));
  if (row === undefined) throw noSuchTenant();
  return row.rev;
}

function noSuchTenant(): Fault {
  const message = "the tenant of this key is gone";
  return new Fault({ code: "storage/no-such-tenant", owner: "platform", message });
}
