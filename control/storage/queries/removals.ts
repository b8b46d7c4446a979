import { sql } from "drizzle-orm";

import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { balancers } from "../tables/balancers.ts";
import { revisions } from "../tables/revisions.ts";
import { firstRowOf, rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

/** How much of a group has gone lately. */
export interface GroupShrinkage {
  /** Balancers that left the group within the window, or since the tenant confirmed that. */
  readonly removed: number;
  /** Balancers that it has. */
  readonly left: number;
}

export interface ShrinkageQuestion {
  readonly tenantId: TenantId;
  readonly group: GroupId;
  /** What the revision that is being made takes away; the rows are gone already. */
  readonly removing: readonly BalancerId[];
  readonly windowMs: number;
}

/** Counts what a group lost in the last `windowMs` together with what it is losing now. */
export async function groupShrinkage(
  tx: Transaction,
  { tenantId, group, removing, windowMs }: ShrinkageQuestion,
): Promise<GroupShrinkage> {
  const row = await firstRowOf<GroupShrinkage>(
    tx,
    sql`
    WITH recent AS (
      SELECT r.rev, r.confirmed, c ->> 'balancer' AS balancer,
          jsonb_typeof(c -> 'after') = 'null' AS gone
        FROM ${revisions} r CROSS JOIN LATERAL jsonb_array_elements(r.changes) AS c
        WHERE r.tenant_id = ${tenantId} AND c ->> 'group' = ${group}
          AND r.at > now() - ${windowMs}::float8 * interval '1 ms'
    ), removed AS (
      SELECT balancer FROM recent
        WHERE gone AND rev > coalesce((SELECT max(rev) FROM recent WHERE confirmed), 0)
      UNION SELECT unnest(${textArray(removing)})
    ), present AS (
      SELECT id FROM ${balancers} WHERE tenant_id = ${tenantId} AND group_id = ${group}
    )
    SELECT (SELECT count(*) FROM removed WHERE balancer NOT IN (SELECT id FROM present))::integer
        AS removed,
      (SELECT count(*) FROM present)::integer AS left`,
  );
  if (row === undefined) throw new Error("a count returned no row");
  return row;
}

/** Which of these balancers a stored revision took out of the group, after one and up to another. */
export async function removedByRevision(
  tx: Transaction,
  { tenantId, groupId }: { readonly tenantId: TenantId; readonly groupId: GroupId },
  span: { readonly after: number; readonly upTo: number; readonly ids: readonly string[] },
): Promise<ReadonlySet<string>> {
  const rows = await rowsOf<{ readonly balancer: string }>(
    tx,
    sql`
    SELECT DISTINCT c ->> 'balancer' AS balancer
      FROM ${revisions} r CROSS JOIN LATERAL jsonb_array_elements(r.changes) AS c
      WHERE r.tenant_id = ${tenantId} AND r.rev > ${span.after}::bigint
        AND r.rev <= ${span.upTo}::bigint AND c ->> 'group' = ${groupId}
        AND jsonb_typeof(c -> 'after') = 'null' AND c ->> 'balancer' = ANY (${textArray(span.ids)})`,
  );
  return new Set(rows.map(({ balancer }) => balancer));
}
