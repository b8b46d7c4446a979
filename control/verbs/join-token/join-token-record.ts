import type { JoinTokenId } from "#shared/base/ids.ts";

import type { JoinTokenRow } from "../../storage/queries/join-tokens.ts";
import { momentMs } from "../../storage/queries/moment.ts";

/** A join token, without the token. */
export interface JoinTokenRecord {
  readonly id: JoinTokenId;
  /** The group's name. */
  readonly group: string;
  readonly uses: number;
  readonly usesLeft: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}

export function joinTokenRecordOf(row: JoinTokenRow): JoinTokenRecord {
  return {
    id: row.id,
    group: row.groupName,
    uses: row.uses,
    usesLeft: row.usesLeft,
    createdAtMs: momentMs(row.createdAt),
    expiresAtMs: momentMs(row.expiresAt),
    revokedAtMs: momentMs(row.revokedAt),
  };
}
