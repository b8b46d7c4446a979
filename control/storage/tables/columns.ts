import { bigint, text, timestamp } from "drizzle-orm/pg-core";

import type { TenantId } from "#shared/base/ids.ts";

/** Column groups that several tables share, named by what they mean. */

/** The tenant a row belongs to: first in every key, and what row-level security compares. */
export const tenantId = () => text("tenant_id").$type<TenantId>().notNull();

/** A revision number of a tenant. JavaScript's safe integers reach 2^53: enough for any tenant. */
export const rev = (name: string) => bigint(name, { mode: "number" });

/** A moment, with time zone. */
export const at = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
