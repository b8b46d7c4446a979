import { randomBytes } from "node:crypto";

import type { Sql } from "postgres";

import { newId, type GroupId, type IdPrefix, type TenantId } from "#shared/base/ids.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import { doorbellChannel } from "../../control/storage/database.ts";

/** A tenant with one group, written past the verbs: for tests of what lies below them. */
export interface TenantRows {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
  /** Commits one revision that stores these balancers and removes those that are null. */
  commit(changes: Readonly<Record<string, object | null>>): Promise<number>;
  /** A token that may be redeemed so often. */
  joinToken(options?: { readonly uses?: number; readonly ttlMs?: number }): Promise<string>;
}

export interface TenantRowsOptions {
  /** Ring the doorbell with each commit. */
  readonly doorbell?: boolean;
}

/** An id of a kind, for rows that no verb makes. */
export function anyId<P extends IdPrefix>(prefix: P) {
  return newId(prefix, { nowMs: () => Date.now(), randomBytes });
}

export async function tenantRows(sql: Sql, options: TenantRowsOptions = {}): Promise<TenantRows> {
  const tenantId = anyId("ten");
  const groupId = anyId("grp");
  await sql`INSERT INTO tenants (id, name) VALUES (${tenantId}, ${tenantId})`;
  await sql`INSERT INTO groups (tenant_id, id, name) VALUES (${tenantId}, ${groupId}, 'default')`;
  return {
    tenantId,
    groupId,
    commit: (changes) => commit(sql, { tenantId, groupId, changes }, options.doorbell ?? true),
    joinToken: async ({ uses = 1, ttlMs = 60_000 } = {}) => {
      const token = `msj_${randomBytes(24).toString("base64url")}`;
      await sql`
        INSERT INTO join_tokens (tenant_id, id, hash, group_id, uses, uses_left, expires_at)
        VALUES (${tenantId}, ${anyId("jtk")}, ${sha256Hex(token)}, ${groupId}, ${uses}, ${uses},
          ${new Date(Date.now() + ttlMs)})`;
      return token;
    },
  };
}

interface Commit {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
  readonly changes: Readonly<Record<string, object | null>>;
}

function commit(sql: Sql, { tenantId, groupId, changes }: Commit, doorbell: boolean) {
  return sql.begin(async (tx) => {
    const [row] = await tx<{ rev: string }[]>`
      UPDATE tenants SET rev = rev + 1 WHERE id = ${tenantId} RETURNING rev`;
    const rev = Number(row?.rev);
    const removed = Object.keys(changes)
      .filter((id) => changes[id] === null)
      .map((balancer) => ({ balancer, name: balancer, group: groupId, before: "", after: null }));
    await tx`
      INSERT INTO revisions (tenant_id, rev, actor, action, changes)
      VALUES (${tenantId}, ${rev}, 'test', 'test.commit', ${tx.json(removed)})`;
    for (const [id, definition] of Object.entries(changes)) {
      if (definition === null) {
        await tx`DELETE FROM balancers WHERE tenant_id = ${tenantId} AND id = ${id}`;
        continue;
      }
      const body = canonicalJson(definition);
      const hash = sha256Hex(body);
      await tx`
        INSERT INTO bodies (tenant_id, hash, body) VALUES (${tenantId}, ${hash}, ${body})
        ON CONFLICT DO NOTHING`;
      await tx`
        INSERT INTO balancers (tenant_id, id, name, group_id, definition, hash, rev_created, rev_updated)
        VALUES (${tenantId}, ${id}, ${id}, ${groupId}, ${body}::jsonb, ${hash}, ${rev}, ${rev})
        ON CONFLICT (tenant_id, id) DO UPDATE
          SET definition = EXCLUDED.definition, hash = EXCLUDED.hash, rev_updated = EXCLUDED.rev_updated`;
    }
    await tx`UPDATE groups SET rev = ${rev} WHERE tenant_id = ${tenantId} AND id = ${groupId}`;
    if (doorbell) await tx`SELECT pg_notify(${doorbellChannel}, ${tenantId})`;
    return rev;
  });
}
