import type { ApiKeyId } from "#shared/base/ids.ts";

import type { ApiKeyRow } from "../../storage/queries/api-keys.ts";
import { momentMs } from "../../storage/queries/moment.ts";

/** An API key or a session, without its secret. */
export interface ApiKeyRecord {
  readonly id: ApiKeyId;
  readonly kind: "key" | "session";
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  /** To the minute. */
  readonly lastUsedAtMs: number | null;
}

export function apiKeyRecordOf(row: ApiKeyRow): ApiKeyRecord {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    scopes: row.scopes,
    createdAtMs: momentMs(row.createdAt),
    expiresAtMs: momentMs(row.expiresAt),
    revokedAtMs: momentMs(row.revokedAt),
    lastUsedAtMs: momentMs(row.lastUsedAt),
  };
}
