import { Fault } from "#shared/base/fault.ts";
import { differenceOf } from "#shared/snapshot/difference.ts";
import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Version } from "#shared/snapshot/version.ts";

import type { Transaction } from "../storage/database.ts";
import { newestManifest } from "../storage/queries/node-groups.ts";
import { removedByRevision } from "../storage/queries/removals.ts";
import type { BuiltSnapshot } from "./published.ts";

/** What was published before: a version and what is in it. */
export interface EarlierManifest {
  readonly version: Version;
  readonly manifest: Manifest;
}

/**
 * Whether every balancer that was published before and is missing now was taken away by a stored
 * revision. Certificates come and go with the balancers that name them. Rows that are gone without one
 * (a half restored table, a deletion by hand, a reading that saw too little) take nothing down: nothing
 * is published then. That a revision takes much away at once was confirmed when it was stored.
 *
 * @param earlier what this process published last; undefined asks the database
 * @throws Fault `publish/unexplained-removal` and what storage throws
 */
export async function checkRemovals(
  tx: Transaction,
  built: BuiltSnapshot,
  earlier: EarlierManifest | undefined,
): Promise<void> {
  const { key, version, manifest } = built;
  const before = earlier ?? (await newestManifest(tx, key, version));
  // Another epoch is another lineage: whoever raised it decided for what the database has.
  if (before === undefined || before.version.epoch !== version.epoch) return;
  if (before.version.rev >= version.rev) return;
  const gone = differenceOf(before.manifest, manifest)
    .removed.filter(({ kind }) => kind === "balancer")
    .map(({ id }) => id);
  if (gone.length === 0) return;
  const span = { after: before.version.rev, upTo: version.rev, ids: gone };
  const explained = await removedByRevision(tx, key, span);
  const unexplained = gone.filter((id) => !explained.has(id));
  if (unexplained.length === 0) return;
  const shown = unexplained.slice(0, 3).join(", ");
  const message =
    `${unexplained.length} balancers are gone since revision ${before.version.rev}, ` +
    `and no revision took them away: ${shown}`;
  throw new Fault({ code: "publish/unexplained-removal", owner: "platform", message });
}
