import { randomBytes } from "node:crypto";

import { newId, parseId, type TenantId } from "#shared/base/ids.ts";

/** A tenant's id with this number in it: the same in every run. */
export function tenantIdOf(number: number): TenantId {
  const id = parseId("ten", `ten_${String(number).padStart(26, "0")}`);
  if (id === undefined) throw new Error(`${number} makes no id`);
  return id;
}

/** An id that no other test has. */
export function newTenantId(): TenantId {
  return newId("ten", { nowMs: Date.now, randomBytes });
}
