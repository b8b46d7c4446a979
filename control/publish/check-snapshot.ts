import { Fault } from "#shared/base/fault.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import type { Manifest, ManifestEntry } from "#shared/snapshot/manifest.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";

/** Canonical JSON of bodies by their hash. */
export type BodyTexts = ReadonlyMap<string, string>;

/**
 * Whether a stored body is what its hash says. A node would refuse it: it never leaves.
 *
 * @throws Fault `publish/damaged-body`
 */
export function checkBody(hash: string, text: string): void {
  if (sha256Hex(text) === hash) return;
  const message = `the stored body ${hash} has another hash`;
  throw new Fault({ code: "publish/damaged-body", owner: "platform", message });
}

/**
 * The entries of a manifest with their bodies.
 *
 * @throws Fault `publish/missing-body` when one is not there
 */
export function entriesOf(manifest: Manifest, bodies: BodyTexts): readonly SnapshotEntry[] {
  return manifest.map(({ kind, id, hash }) => {
    const body: unknown = JSON.parse(bodyOf({ kind, id, hash }, bodies));
    return { kind, id, hash, body };
  });
}

/**
 * The canonical JSON of an entry's body.
 *
 * @throws Fault `publish/missing-body`
 */
export function bodyOf(entry: ManifestEntry, bodies: BodyTexts): string {
  const text = bodies.get(entry.hash);
  if (text !== undefined) return text;
  const message = `no body of ${entry.kind} ${entry.id} with hash ${entry.hash}`;
  throw new Fault({ code: "publish/missing-body", owner: "platform", message });
}
