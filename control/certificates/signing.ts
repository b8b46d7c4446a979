import { keyIdOf, newKeyPair, privateKeyOf } from "#shared/snapshot/keys.ts";
import { signWith, type Signer, type TrustedKeys } from "#shared/snapshot/signature.ts";

import type { Database } from "../storage/database.ts";
import {
  offerSigningKey,
  signingKeys,
  type StoredSigningKey,
} from "../storage/queries/signing-keys.ts";
import type { Sealer } from "./sealer.ts";

/** Who signs snapshots, and whom nodes are told to trust. */
export interface Signing {
  /** Signs with the newest key. */
  readonly signer: Signer;
  /** Every key that is not retired, the signer's first; raw public keys in base64url. */
  readonly publicKeys: readonly string[];
  readonly trusted: TrustedKeys;
}

/**
 * Loads the signing keys, making the first one when there is none. Several instances that start on
 * an empty database end up with the same key.
 *
 * @throws Fault `certificates/cannot-open` when a key was sealed under another master key
 */
export async function loadSigning(database: Database, sealer: Sealer): Promise<Signing> {
  const keys = await database.asSystem(signingKeys);
  const [newest] = keys;
  if (newest === undefined) {
    const made = await newSigningKey(sealer);
    await database.asSystem((tx) => offerSigningKey(tx, made));
    return loadSigning(database, sealer);
  }
  return {
    signer: await signerOf(newest, sealer),
    publicKeys: keys.map((key) => key.publicKey),
    trusted: new Map(keys.map((key) => [key.keyId, key.publicKey])),
  };
}

async function newSigningKey(sealer: Sealer): Promise<StoredSigningKey> {
  const { publicKey, privateKey } = newKeyPair("ed25519");
  const keyId = keyIdOf(publicKey);
  const sealedPrivateKey = await sealer.seal(privateKey, signingKeyContext(keyId));
  return { keyId, publicKey, sealedPrivateKey };
}

async function signerOf(stored: StoredSigningKey, sealer: Sealer): Promise<Signer> {
  const { keyId, publicKey } = stored;
  const opened = await sealer.open(stored.sealedPrivateKey, signingKeyContext(keyId));
  const key = { keyId, privateKey: privateKeyOf(opened) };
  return {
    keyId,
    publicKey,
    sign: (purpose, value) => Promise.resolve(signWith(key, purpose, value)),
  };
}

function signingKeyContext(keyId: string): string {
  return `signing-key ${keyId}`;
}
