import { sql } from "drizzle-orm";

import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { balancers } from "../tables/balancers.ts";
import { groups } from "../tables/groups.ts";
import { nodes } from "../tables/nodes.ts";
import { firstRowOf } from "./rows.ts";

/** Where a balancer would go, as far as names and nodes say. */
export interface Placement {
  /** The group with the wanted name. */
  readonly groupId: GroupId | undefined;
  /** The balancer that has the wanted name. */
  readonly nameHolder: BalancerId | undefined;
  /** What the group's nodes that were not retired can do: each list once, and how many have it. */
  readonly abilities: readonly NodeAbility[];
}

/** What some nodes of a group can do. */
export interface NodeAbility {
  /** Empty: they joined, and were never heard since. */
  readonly capabilities: readonly string[];
  readonly nodes: number;
}

interface PlacementRow {
  readonly group_id: GroupId | null;
  readonly name_holder: BalancerId | null;
  readonly abilities: readonly NodeAbility[] | null;
}

/** Looks up group, name and nodes in one round trip. */
export async function placementOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  wanted: { readonly group: string; readonly name?: string },
): Promise<Placement> {
  const row = await firstRowOf<PlacementRow>(
    tx,
    sql`
      WITH wanted AS (
        SELECT (SELECT id FROM ${groups} WHERE tenant_id = ${tenantId} AND name = ${wanted.group})
          AS group_id
      ), ability AS (
        SELECT capabilities, count(*)::integer AS nodes FROM ${nodes}
          WHERE tenant_id = ${tenantId} AND group_id = (SELECT group_id FROM wanted)
            AND revoked_at IS NULL
          GROUP BY capabilities
      )
      SELECT group_id,
          (SELECT id FROM ${balancers} WHERE tenant_id = ${tenantId} AND name = ${wanted.name ?? null})
            AS name_holder,
          (SELECT jsonb_agg(jsonb_build_object('capabilities', capabilities, 'nodes', nodes))
            FROM ability) AS abilities
        FROM wanted`,
  );
  return {
    groupId: row?.group_id ?? undefined,
    nameHolder: row?.name_holder ?? undefined,
    abilities: row?.abilities ?? [],
  };
}
