import type { ApiKeyId } from "#shared/base/ids.ts";

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
