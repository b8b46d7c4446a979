import type { GroupId } from "#shared/base/ids.ts";

import type { GroupTableRow } from "../../storage/queries/groups.ts";

/** A group of nodes. */
export interface GroupRecord {
  readonly id: GroupId;
  readonly name: string;
  /** The last revision that touched it; 0 before the first. */
  readonly rev: number;
  readonly createdAtMs: number;
}

export function groupRecordOf(row: GroupTableRow): GroupRecord {
  return { id: row.id, name: row.name, rev: row.rev, createdAtMs: row.createdAt.getTime() };
}
