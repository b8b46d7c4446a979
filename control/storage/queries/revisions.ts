import { and, desc, eq, inArray, lt, sql } from "drizzle-orm";

import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";

import { doorbellChannel, type Transaction } from "../database.ts";
import { groups } from "../tables/groups.ts";
import { revisions, type RevisionChange } from "../tables/revisions.ts";
import { rowsOf } from "./rows.ts";

export type RevisionRow = typeof revisions.$inferSelect;
export type NewRevisionRow = typeof revisions.$inferInsert;

/** Appends a revision and raises the groups that it touches to it. */
export async function insertRevision(tx: Transaction, row: NewRevisionRow): Promise<RevisionRow> {
  const { tenantId, rev } = row;
  const touched = [...new Set(row.changes.map((change) => change.group))];
  await tx
    .update(groups)
    .set({ rev })
    .where(and(eq(groups.tenantId, tenantId), inArray(groups.id, touched)));
  const [stored] = await tx.insert(revisions).values(row).returning();
  if (stored === undefined) throw new Error("an insert returned no row");
  return stored;
}

/** Tells every control instance, once this transaction is committed, that the tenant changed. */
export async function ringDoorbell(tx: Transaction, tenantId: TenantId): Promise<void> {
  await tx.execute(sql`SELECT pg_notify(${doorbellChannel}, ${tenantId})`);
}

/** One revision. */
export async function revisionRowOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  rev: number,
): Promise<RevisionRow | undefined> {
  const [row] = await tx
    .select()
    .from(revisions)
    .where(and(eq(revisions.tenantId, tenantId), eq(revisions.rev, rev)));
  return row;
}

/** Revisions before a number, newest first. */
export function revisionsOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: { readonly before: number | undefined; readonly limit: number },
): Promise<readonly RevisionRow[]> {
  const older = page.before === undefined ? undefined : lt(revisions.rev, page.before);
  return tx
    .select()
    .from(revisions)
    .where(and(eq(revisions.tenantId, tenantId), older))
    .orderBy(desc(revisions.rev))
    .limit(page.limit);
}

/** What the revisions in `(after, upTo]` did to a balancer, all taken together. */
export interface NetChange {
  readonly balancer: BalancerId;
  /** Its name and group at the end, or last, when it is gone. */
  readonly name: string;
  readonly group: GroupId;
  /** Hash of its body at `after` and at `upTo`; null means it was not there. */
  readonly before: string | null;
  readonly after: string | null;
}

interface NetChangeRow {
  readonly before: RevisionChange;
  readonly after: RevisionChange;
}

/** Per balancer, from what to what; without those that ended up as they began. */
export async function netChangesOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  range: { readonly after: number; readonly upTo: number },
): Promise<readonly NetChange[]> {
  const rows = await rowsOf<NetChangeRow>(
    tx,
    sql`
      WITH change AS (
        SELECT c.value, c.value ->> 'balancer' AS balancer, r.rev, c.ordinality
          FROM ${revisions} r, jsonb_array_elements(r.changes) WITH ORDINALITY c
          WHERE r.tenant_id = ${tenantId} AND r.rev > ${range.after} AND r.rev <= ${range.upTo}
      ), earliest AS (
        SELECT DISTINCT ON (balancer) balancer, value FROM change
          ORDER BY balancer, rev, ordinality
      ), latest AS (
        SELECT DISTINCT ON (balancer) balancer, value FROM change
          ORDER BY balancer, rev DESC, ordinality DESC
      )
      SELECT earliest.value AS before, latest.value AS after
        FROM earliest JOIN latest USING (balancer)
        WHERE earliest.value -> 'before' IS DISTINCT FROM latest.value -> 'after'
        ORDER BY balancer`,
  );
  return rows.map(({ before, after }) => ({
    balancer: after.balancer,
    name: after.name,
    group: after.group,
    before: before.before,
    after: after.after,
  }));
}
