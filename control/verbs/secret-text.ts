import type { IdSource } from "#shared/base/ids.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

/** What stands before the underscore: API key, join token, session. A leaked one can be found. */
export type SecretPrefix = "msk" | "msj" | "mss";

const secretBytes = 32;

/** A secret that is shown once; only its hash is stored. */
export interface NewSecretText {
  readonly secret: string;
  /** SHA-256, hexadecimal: 256 random bits need no slow hash. */
  readonly hash: string;
}

/** A new secret: the prefix and 32 random bytes. */
export function newSecretText(prefix: SecretPrefix, ids: IdSource): NewSecretText {
  const random = Buffer.from(ids.randomBytes(secretBytes)).toString("base64url");
  const secret = `${prefix}_${random}`;
  return { secret, hash: sha256Hex(secret) };
}
