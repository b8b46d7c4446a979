import { canonicalJson } from "./canonical.ts";
import { sha256Hex } from "./hash.ts";

/** One thing in a snapshot, named by the hash of its canonical body. */
export interface ManifestEntry {
  /** `balancer`; more will come, and a node refuses by name a kind it does not know. */
  readonly kind: string;
  readonly id: string;
  /** SHA-256 (hex) of the canonical JSON of the body. */
  readonly hash: string;
}

/** All entries of a group at one version, sorted by kind and id. */
export type Manifest = readonly ManifestEntry[];

/** The manifest of these entries, in its one order. */
export function manifestOf(entries: Iterable<ManifestEntry>): Manifest {
  return [...entries].toSorted(byKindAndId);
}

/** The root hash: SHA-256 of the canonical JSON of the sorted entries. */
export function rootOf(manifest: Manifest): string {
  const rows = manifest.map((entry) => [entry.kind, entry.id, entry.hash]);
  return sha256Hex(canonicalJson(rows));
}

/** A key that is unique among the entries of a manifest. */
export function entryKey(entry: { readonly kind: string; readonly id: string }): string {
  return `${entry.kind}/${entry.id}`;
}

/** Code-unit order, the same in every locale. */
function byKindAndId(a: ManifestEntry, b: ManifestEntry): number {
  const left = entryKey(a);
  const right = entryKey(b);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
