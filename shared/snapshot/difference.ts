import { entryKey, manifestOf, type Manifest, type ManifestEntry } from "./manifest.ts";

/** An entry that is gone. */
export interface RemovedEntry {
  readonly kind: string;
  readonly id: string;
}

/** What turns one manifest into another. */
export interface Difference {
  /** New or changed entries. */
  readonly changed: Manifest;
  readonly removed: readonly RemovedEntry[];
}

/** The difference of two manifests, found by comparing sets: no log of changes is needed. */
export function differenceOf(from: Manifest, to: Manifest): Difference {
  const before = new Map(from.map((entry) => [entryKey(entry), entry.hash]));
  const after = new Set(to.map(entryKey));
  return {
    changed: to.filter((entry) => before.get(entryKey(entry)) !== entry.hash),
    removed: from
      .filter((entry) => !after.has(entryKey(entry)))
      .map(({ kind, id }) => ({ kind, id })),
  };
}

/** The manifest after a difference; inverse of `differenceOf`. */
export function applyDifference(from: Manifest, difference: Difference): Manifest {
  const entries = new Map<string, ManifestEntry>(from.map((entry) => [entryKey(entry), entry]));
  for (const gone of difference.removed) entries.delete(entryKey(gone));
  for (const entry of difference.changed) entries.set(entryKey(entry), entry);
  return manifestOf(entries.values());
}
