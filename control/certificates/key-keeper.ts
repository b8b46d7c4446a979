import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import type { MasterKey } from "./master-key.ts";

/**
 * Holds the key under which data keys lie (envelope encryption). It sees keys of 32 bytes, never
 * what they seal, so that it may be a service that never gives its own key away (a KMS): then
 * `wrap` and `unwrap` are its calls, `context` is what it authenticates beside.
 */
export interface KeyKeeper {
  /** Tells keys apart without telling the key; has no dot. */
  readonly keyId: string;
  /** Where the key is, for messages. */
  readonly origin: string;
  wrap(key: Uint8Array, context: string): Promise<Uint8Array>;
  /** Undefined when it was wrapped under another key or context, or was changed. */
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array | undefined>;
}

/** With a key at hand: wraps with AES-256-GCM under it. */
export function localKeyKeeper({ key, keyId, origin }: MasterKey): KeyKeeper {
  return {
    keyId,
    origin,
    wrap: (plain, context) => Promise.resolve(sealBytes(key, plain, context)),
    unwrap: (wrapped, context) => Promise.resolve(openBytes(key, wrapped, context)),
  };
}

const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM: a random nonce, the ciphertext, the tag; `context` is authenticated. */
export function sealBytes(key: Uint8Array, plain: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** The inverse; undefined when it was changed, cut short, or sealed under another key or context. */
export function openBytes(
  key: Uint8Array,
  sealed: Uint8Array,
  context: string,
): Buffer | undefined {
  const bytes = Buffer.from(sealed);
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes))
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([
      decipher.update(bytes.subarray(nonceBytes, -tagBytes)),
      decipher.final(),
    ]);
  } catch {
    // The tag does not fit: whatever the reason, it is not what it claims.
    return undefined;
  }
}
