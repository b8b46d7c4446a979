import { and, desc, eq, inArray, lt, or, sql, type SQL } from "drizzle-orm";

import type { GroupId, TenantId } from "#shared/base/ids.ts";
import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Signature } from "#shared/snapshot/signature.ts";
import type { Version } from "#shared/snapshot/version.ts";

import type { Transaction } from "../database.ts";
import { balancers } from "../tables/balancers.ts";
import { bodies } from "../tables/bodies.ts";
import { certificates } from "../tables/certificates.ts";
import { groups } from "../tables/groups.ts";
import { manifests } from "../tables/manifests.ts";
import { rowsOf } from "./rows.ts";

/** A group of a tenant. */
export interface GroupPlace {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
}

/** A group with all that its nodes run, as of one moment. */
export interface GroupRow {
  readonly epoch: number;
  readonly rev: number;
  readonly balancers: readonly GroupEntryRow[];
  /** Those that its balancers name. */
  readonly certificates: readonly GroupEntryRow[];
}

export interface GroupEntryRow {
  readonly id: string;
  /** Null for a certificate that is named and not there. */
  readonly hash: string | null;
  readonly bodyBytes: number | null;
}

interface EntryOfGroup {
  readonly epoch: number;
  readonly rev: number;
  /** Null in the one row of a group without entries. */
  readonly kind: "balancer" | "certificate" | null;
  readonly id: string;
  readonly hash: string | null;
  readonly bodyBytes: number | null;
}

/** Reads a group in one statement, so that its revision and its entries belong together. */
export async function readGroup(
  tx: Transaction,
  { tenantId, groupId }: GroupPlace,
): Promise<GroupRow | undefined> {
  const rows = await rowsOf<EntryOfGroup>(
    tx,
    sql`
    WITH own AS (
      SELECT id, hash, certificates FROM ${balancers}
        WHERE tenant_id = ${tenantId} AND group_id = ${groupId}
    ), entry AS (
      SELECT 'balancer' AS kind, id, hash FROM own
      UNION ALL
      SELECT 'certificate', named.id, c.hash
        FROM (SELECT DISTINCT unnest(certificates) AS id FROM own) AS named
        LEFT JOIN ${certificates} c ON c.tenant_id = ${tenantId} AND c.id = named.id
    )
    SELECT control_epoch() AS epoch, g.rev::float8 AS rev, e.kind, e.id, e.hash,
        octet_length(b.body) AS "bodyBytes"
      FROM ${groups} g
      LEFT JOIN entry e ON true
      LEFT JOIN ${bodies} b ON b.tenant_id = g.tenant_id AND b.hash = e.hash
      WHERE g.tenant_id = ${tenantId} AND g.id = ${groupId}`,
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const { epoch, rev } = first;
  const ofKind = (kind: EntryOfGroup["kind"]): readonly GroupEntryRow[] =>
    rows
      .filter((row) => row.kind === kind)
      .map(({ id, hash, bodyBytes }) => ({ id, hash, bodyBytes }));
  return { epoch, rev, balancers: ofKind("balancer"), certificates: ofKind("certificate") };
}

/** Canonical JSON of bodies by their hash; those that are not there are missing in the answer. */
export async function readBodies(
  tx: Transaction,
  tenantId: TenantId,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await tx
    .select({ hash: bodies.hash, body: bodies.body })
    .from(bodies)
    .where(and(eq(bodies.tenantId, tenantId), inArray(bodies.hash, [...hashes])));
  return new Map(rows.map(({ hash, body }) => [hash, body]));
}

/** A manifest that was published once. */
export interface ManifestRow {
  readonly version: Version;
  readonly entries: Manifest;
  readonly signature: Signature;
}

/** The newest manifest of a group with this root, or the one of exactly this revision. */
export async function readManifest(
  tx: Transaction,
  { tenantId, groupId }: GroupPlace,
  wanted: { readonly root: string; readonly at?: Pick<Version, "epoch" | "rev"> },
): Promise<ManifestRow | undefined> {
  const exact: SQL | undefined =
    wanted.at === undefined
      ? undefined
      : and(eq(manifests.epoch, wanted.at.epoch), eq(manifests.rev, wanted.at.rev));
  const [row] = await tx
    .select()
    .from(manifests)
    .where(
      and(
        eq(manifests.tenantId, tenantId),
        eq(manifests.groupId, groupId),
        eq(manifests.root, wanted.root),
        exact,
      ),
    )
    .orderBy(desc(manifests.epoch), desc(manifests.rev))
    .limit(1);
  if (row === undefined) return undefined;
  const { epoch, rev, root, entries, signature } = row;
  return { version: { epoch, rev, root }, entries, signature };
}

/** What was published last before a version of the same epoch; undefined when nothing is kept. */
export async function newestManifest(
  tx: Transaction,
  { tenantId, groupId }: GroupPlace,
  before: Pick<Version, "epoch" | "rev">,
): Promise<{ readonly version: Version; readonly manifest: Manifest } | undefined> {
  const [row] = await tx
    .select({
      rev: manifests.rev,
      root: manifests.root,
      manifest: manifests.entries,
    })
    .from(manifests)
    .where(
      and(
        eq(manifests.tenantId, tenantId),
        eq(manifests.groupId, groupId),
        eq(manifests.epoch, before.epoch),
        lt(manifests.rev, before.rev),
      ),
    )
    .orderBy(desc(manifests.rev))
    .limit(1);
  if (row === undefined) return undefined;
  const { rev, root, manifest } = row;
  return { version: { epoch: before.epoch, rev, root }, manifest };
}

/** Remembers what was published; another instance may have done so already. */
export async function saveManifest(
  tx: Transaction,
  { tenantId, groupId }: GroupPlace,
  row: ManifestRow,
): Promise<void> {
  const { version, entries, signature } = row;
  const { epoch, rev, root } = version;
  await tx
    .insert(manifests)
    .values({ tenantId, groupId, epoch, rev, root, entries, signature })
    .onConflictDoNothing();
}

/** Forgets all manifests of a group but the newest `keep`. */
export async function pruneManifests(
  tx: Transaction,
  { tenantId, groupId }: GroupPlace,
  keep: number,
): Promise<void> {
  const ofGroup = and(eq(manifests.tenantId, tenantId), eq(manifests.groupId, groupId));
  const [oldest] = await tx
    .select({ epoch: manifests.epoch, rev: manifests.rev })
    .from(manifests)
    .where(ofGroup)
    .orderBy(desc(manifests.epoch), desc(manifests.rev))
    .offset(keep - 1)
    .limit(1);
  if (oldest === undefined) return;
  const older = or(
    lt(manifests.epoch, oldest.epoch),
    and(eq(manifests.epoch, oldest.epoch), lt(manifests.rev, oldest.rev)),
  );
  await tx.delete(manifests).where(and(ofGroup, older));
}

/** How far a group has come. */
export interface GroupRev extends GroupPlace {
  readonly epoch: number;
  readonly rev: number;
}

/** The revisions of these groups, of whatever tenants (system): the sweep. */
export async function readGroupRevs(
  tx: Transaction,
  places: readonly GroupPlace[],
): Promise<readonly GroupRev[]> {
  const asked = JSON.stringify(places.map(({ tenantId, groupId }) => [tenantId, groupId]));
  return rowsOf<GroupRev>(
    tx,
    sql`
    SELECT tenant_id AS "tenantId", group_id AS "groupId", epoch, rev::float8 AS rev
    FROM system.group_revisions(${asked}::jsonb)`,
  );
}
