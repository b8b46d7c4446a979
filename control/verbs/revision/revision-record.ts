import type { RevisionChange } from "../../storage/tables/revisions.ts";

/** A committed change. */
export interface RevisionRecord {
  readonly rev: number;
  /** Id of the API key or session that made it. */
  readonly actor: string;
  readonly action: string;
  readonly changes: readonly RevisionChange[];
  readonly committedAtMs: number;
}
