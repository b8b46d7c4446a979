import { and, desc, eq, lt, sql, type SQL } from "drizzle-orm";

import type { BalancerId, GroupId, TenantId } from "#shared/base/ids.ts";

import { doorbellChannel, type Transaction } from "../database.ts";
import { audit as auditTable } from "../tables/audit.ts";
import { bodies } from "../tables/bodies.ts";
import { groups } from "../tables/groups.ts";
import { revisions, type CertificateChange, type RevisionChange } from "../tables/revisions.ts";
import type { NewAuditRow } from "./audit.ts";
import { firstRowOf, rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

export type RevisionRow = typeof revisions.$inferSelect;
/** Everything that a revision writes besides the balancers themselves. */
export interface NewRevisionRow {
  readonly tenantId: TenantId;
  readonly rev: number;
  /** Id of the API key or session that makes it. */
  readonly actor: string;
  readonly action: string;
  readonly changes: readonly RevisionChange[];
  readonly certificates: readonly CertificateChange[];
  /** That it takes much away was confirmed. */
  readonly confirmed: boolean;
  /** The body that the changes name and that may be new. */
  readonly body: Body | undefined;
  readonly audit: Omit<NewAuditRow, "tenantId" | "actor" | "action">;
  /** Whether every control instance is told, once this is committed, that the tenant changed. */
  readonly doorbell: boolean;
}

/**
 * Appends a revision with its body and its audit row, raises the groups that it touches to it, and
 * rings the doorbell: all in one round trip, since the tenant's row is held meanwhile.
 */
export async function insertRevision(tx: Transaction, row: NewRevisionRow): Promise<RevisionRow> {
  const { tenantId, rev, actor, action, changes, certificates, confirmed, body, audit } = row;
  const groupIds = touchedGroups(row);
  const stored = await firstRowOf<{ readonly at: string }>(
    tx,
    sql`
      WITH kept AS (
        INSERT INTO ${bodies} (tenant_id, hash, body)
          SELECT ${tenantId}, ${body?.hash ?? null}::text, ${body?.body ?? null}::text
            WHERE ${body !== undefined}::boolean
          ON CONFLICT DO NOTHING
      ), raised AS (
        UPDATE ${groups} SET rev = ${rev}::bigint
          WHERE tenant_id = ${tenantId} AND id = ANY (${textArray(groupIds)})
      ), noted AS (
        INSERT INTO ${auditTable}
            (tenant_id, actor, action, target, before_hash, after_hash, request_id, address)
          VALUES (${tenantId}, ${actor}, ${action}, ${audit.target}, ${audit.beforeHash ?? null},
            ${audit.afterHash ?? null}, ${audit.requestId}, ${audit.address})
      ), appended AS (
        INSERT INTO ${revisions} (tenant_id, rev, actor, action, changes, certificates, confirmed)
          VALUES (${tenantId}, ${rev}::bigint, ${actor}, ${action}, ${JSON.stringify(changes)}::jsonb,
            ${JSON.stringify(certificates)}::jsonb, ${confirmed}::boolean)
          RETURNING at
      )
      SELECT at, CASE WHEN ${row.doorbell}::boolean THEN ${notified(tenantId)} END FROM appended`,
  );
  if (stored === undefined) throw new Error("an insert returned no row");
  const at = new Date(stored.at);
  return { tenantId, rev, actor, action, changes, certificates, confirmed, at };
}

/** The groups whose nodes a revision concerns. */
export function touchedGroups({
  changes,
  certificates,
}: Pick<RevisionRow, "changes" | "certificates">): readonly GroupId[] {
  const groupIds = [
    ...changes.map(({ group }) => group),
    ...certificates.flatMap((it) => it.groups),
  ];
  return [...new Set(groupIds)];
}

/** Tells every control instance, once this transaction is committed, that the tenant changed. */
export async function ringDoorbell(tx: Transaction, tenantId: TenantId): Promise<void> {
  await tx.execute(sql`SELECT ${notified(tenantId)}`);
}

function notified(tenantId: TenantId): SQL {
  return sql`pg_notify(${doorbellChannel}, ${tenantId})`;
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

/** A definition's canonical JSON and its SHA-256. */
export interface Body {
  readonly hash: string;
  readonly body: string;
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
