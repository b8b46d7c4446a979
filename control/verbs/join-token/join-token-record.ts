import type { JoinTokenId } from "#shared/base/ids.ts";

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
