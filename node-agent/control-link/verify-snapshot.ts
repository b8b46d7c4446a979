import type { TrustedKeys } from "#shared/snapshot/signature.ts";
import { refusalOf, type Snapshot } from "#shared/snapshot/snapshot.ts";

/** Whose snapshots are good, and who signs them. */
export interface SnapshotOwner {
  readonly tenant: string;
  readonly group: string;
  readonly trusted: TrustedKeys;
}

/**
 * Why a snapshot may not be used, or undefined. Never throws: a body can be so odd that it has no
 * canonical form, and is refused like any other.
 */
export function verificationRefusal(
  snapshot: Snapshot,
  owner: SnapshotOwner,
): ReturnType<typeof refusalOf> {
  try {
    return refusalOf(snapshot, owner);
  } catch {
    return "bad-hash";
  }
}
