import { momentMs } from "../../storage/queries/moment.ts";
import type { RevisionRow } from "../../storage/queries/revisions.ts";
import type { CertificateChange, RevisionChange } from "../../storage/tables/revisions.ts";

/** A committed change. */
export interface RevisionRecord {
  readonly rev: number;
  /** Id of the API key or session that made it. */
  readonly actor: string;
  readonly action: string;
  /** `group` is the group's id. A balancer that changed its group is in the list twice. */
  readonly changes: readonly RevisionChange[];
  readonly certificates: readonly CertificateChange[];
  readonly committedAtMs: number;
}

export function revisionRecordOf(row: RevisionRow): RevisionRecord {
  const { rev, actor, action, changes, certificates, at } = row;
  return { rev, actor, action, changes, certificates, committedAtMs: momentMs(at) };
}
