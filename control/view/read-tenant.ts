import { eq } from "drizzle-orm";

import type { TenantId } from "#shared/base/ids.ts";

import { tenants } from "../storage/tables/tenants.ts";
import type { ViewDeps } from "./view-deps.ts";

/** A tenant as it sees itself. */
export interface TenantView {
  readonly id: TenantId;
  readonly name: string;
  /** Its newest revision; 0 before the first. */
  readonly revision: number;
}

/** The tenant; undefined when it is gone. */
export async function readTenant(
  deps: Pick<ViewDeps, "database">,
  tenantId: TenantId,
): Promise<TenantView | undefined> {
  const [row] = await deps.database.asTenant(tenantId, (tx) =>
    tx
      .select({ id: tenants.id, name: tenants.name, revision: tenants.rev })
      .from(tenants)
      .where(eq(tenants.id, tenantId)),
  );
  return row;
}
