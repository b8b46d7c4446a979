import type { Version } from "#shared/snapshot/version.ts";

/** A snapshot as a node pulls it. */
export interface SnapshotAnswer {
  readonly version: Version;
  /** Names exactly these bytes' meaning: the same tag, the same snapshot. */
  readonly etag: string;
  /**
   * JSON, or gzip of it, in pieces to be sent one after the other. The big one is shared by all that
   * ask: a thousand nodes that pull at the same time need no thousand copies.
   */
  readonly pieces: readonly Uint8Array[];
  readonly encoding: "identity" | "gzip";
}
