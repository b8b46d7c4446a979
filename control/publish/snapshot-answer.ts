import type { Version } from "#shared/snapshot/version.ts";

/** A snapshot as a node pulls it. */
export interface SnapshotAnswer {
  readonly version: Version;
  /** Names exactly these bytes' meaning: the same tag, the same snapshot. */
  readonly etag: string;
  /** JSON, or gzip of it. */
  readonly bytes: Uint8Array;
  readonly encoding: "identity" | "gzip";
}
