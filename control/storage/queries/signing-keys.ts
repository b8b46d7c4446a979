import { sql } from "drizzle-orm";

import type { Transaction } from "../database.ts";
import { rowsOf } from "./rows.ts";

/** A key that signs snapshots, as it lies in Postgres. */
export interface StoredSigningKey {
  readonly keyId: string;
  /** base64url of 32 bytes. */
  readonly publicKey: string;
  readonly sealedPrivateKey: string;
}

interface KeyRow {
  readonly key_id: string;
  readonly public_key: string;
  readonly sealed_private_key: string;
}

/** All keys that are not retired, newest first: the first signs, all are trusted (system). */
export async function signingKeys(tx: Transaction): Promise<readonly StoredSigningKey[]> {
  const rows = await rowsOf<KeyRow>(tx, sql`SELECT * FROM system.signing_keys()`);
  return rows.map((row) => ({
    keyId: row.key_id,
    publicKey: row.public_key,
    sealedPrivateKey: row.sealed_private_key,
  }));
}

/** Keeps the key unless there is one already: of several who offer at once, the first wins (system). */
export async function offerSigningKey(tx: Transaction, key: StoredSigningKey): Promise<void> {
  await tx.execute(
    sql`SELECT system.offer_signing_key(${key.keyId}, ${key.publicKey}, ${key.sealedPrivateKey})`,
  );
}
