import type { Manifest } from "#shared/snapshot/manifest.ts";
import type { Signature } from "#shared/snapshot/signature.ts";
import type { Version } from "#shared/snapshot/version.ts";

import type { GroupKey } from "./group-key.ts";

/** What a group's nodes shall run: complete, checked, not signed yet. */
export interface BuiltSnapshot {
  readonly key: GroupKey;
  readonly version: Version;
  readonly manifest: Manifest;
  /** Sizes of the bodies by their hash, in bytes of canonical JSON. */
  readonly bodyBytes: ReadonlyMap<string, number>;
}

/** A version that nodes may be told of. */
export interface Published extends BuiltSnapshot {
  readonly signature: Signature;
}
