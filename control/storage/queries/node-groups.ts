import { and, desc, eq, inArray, lt, or, sql, type SQL } from "drizzle-orm";

import type { GroupId, TenantId } from "#shared/base/ids.ts";
import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Signature } from "#shared/snapshot/signature.ts";
import type { Version } from "#shared/snapshot/version.ts";

import type { Transaction } from "../database.ts";
import { balancers } from "../tables/balancers.ts";
import { bodies } from "../tables/bodies.ts";
import { groups } from "../tables/groups.ts";
import { manifests } from "../tables/manifests.ts";
import { rowsOf } from "./rows.ts";

/** A group of a tenant. */
export interface GroupPlace {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
}

/** A group with its balancers, all as of one moment. */
export interface GroupRow {
  readonly epoch: number;
  readonly rev: number;
  readonly balancers: readonly {
    readonly id: string;
    readonly hash: string;
    readonly bodyBytes: number | null;
  }[];
}

/** Reads a group in one statement, so that its revision and its balancers belong together. */
export async function readGroup(
  tx: Transaction,
  { tenantId, groupId }: GroupPlace,
): Promise<GroupRow | undefined> {
  const rows = await tx
    .select({
      epoch: sql<number>`control_epoch()`,
      rev: groups.rev,
      id: balancers.id,
      hash: balancers.hash,
      bodyBytes: sql<number | null>`octet_length(${bodies.body})`,
    })
    .from(groups)
    .leftJoin(
      balancers,
      and(eq(balancers.tenantId, groups.tenantId), eq(balancers.groupId, groups.id)),
    )
    .leftJoin(bodies, and(eq(bodies.tenantId, balancers.tenantId), eq(bodies.hash, balancers.hash)))
    .where(and(eq(groups.tenantId, tenantId), eq(groups.id, groupId)));
  const [first] = rows;
  if (first === undefined) return undefined;
  return {
    epoch: first.epoch,
    rev: first.rev,
    balancers: rows.flatMap(({ id, hash, bodyBytes }) =>
      id === null || hash === null ? [] : [{ id, hash, bodyBytes }],
    ),
  };
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
