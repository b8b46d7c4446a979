import { sql } from "drizzle-orm";

import type { TenantId } from "#shared/base/ids.ts";
import { nodeAwayMsMin } from "#shared/base/limits.ts";

import { rowsOf } from "../storage/queries/rows.ts";
import type { ViewDeps } from "./view-deps.ts";

/**
 * Those of a tenant's revisions that some connected node is still on its way to: exactly those whose
 * receipt is not settled. One statement for all of them, which ends for each with the first such node.
 */
export async function readUnsettled(
  deps: ViewDeps,
  tenantId: TenantId,
  revs: readonly number[],
): Promise<ReadonlySet<number>> {
  const heardSince = new Date(deps.clock.nowMs() - nodeAwayMsMin).toISOString();
  const rows = await deps.database.asTenant(tenantId, (tx) =>
    rowsOf<{ readonly rev: string }>(
      tx,
      sql`
      SELECT r.rev FROM revisions r
        WHERE r.tenant_id = ${tenantId}
          AND r.rev IN (SELECT asked::bigint FROM jsonb_array_elements_text(${JSON.stringify(revs)}::jsonb) AS asked)
          AND EXISTS (
            SELECT FROM nodes n
              JOIN node_status s ON s.tenant_id = n.tenant_id AND s.node_id = n.id
              LEFT JOIN node_revisions own
                ON own.tenant_id = n.tenant_id AND own.node_id = n.id AND own.rev = r.rev
              WHERE n.tenant_id = r.tenant_id AND n.revoked_at IS NULL
                AND (r.changes @> jsonb_build_array(jsonb_build_object('group', n.group_id))
                  OR r.certificates @>
                    jsonb_build_array(jsonb_build_object('groups', jsonb_build_array(n.group_id))))
                AND s.connected AND s.last_seen_at > ${heardSince}::timestamptz
                AND coalesce((s.running ->> 'rev')::bigint, -1) < r.rev
                AND coalesce(own.errors, '[]') = '[]'
                AND NOT EXISTS (
                  SELECT FROM node_revisions served
                    WHERE served.tenant_id = n.tenant_id AND served.node_id = n.id
                      AND served.rev >= r.rev AND served.serving_at IS NOT NULL))`,
    ),
  );
  return new Set(rows.map(({ rev }) => Number(rev)));
}
