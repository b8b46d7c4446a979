import { sign, verify, type KeyObject } from "node:crypto";

import { z } from "zod";

import { canonicalJson } from "./canonical.ts";
import { publicKeyOf } from "./keys.ts";

/** An Ed25519 signature and the key it was made with. */
export interface Signature {
  readonly keyId: string;
  /** 64 bytes in base64url. */
  readonly value: string;
}

export const signatureSchema: z.ZodType<Signature> = z.object({
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  value: z.string().regex(/^[\w-]{86}$/),
});

/** What may be signed. The purpose keeps a signature from being used for something else. */
export type SignedPurpose =
  | "midstream.snapshot.v1"
  | "midstream.sealed.v1"
  | "midstream.node.v1"
  | "midstream.plan.v1";

/** Signs; asynchronous, because the key may live elsewhere (a KMS). */
export interface Signer {
  readonly keyId: string;
  /** The public half, base64url of 32 bytes. */
  readonly publicKey: string;
  sign(purpose: SignedPurpose, value: unknown): Promise<Signature>;
}

/** Public keys by key id (see `keyIdOf`): whom a verifier trusts. */
export type TrustedKeys = ReadonlyMap<string, string>;

/** Signs the canonical JSON of `{purpose, value}` with a key that is at hand. */
export function signWith(
  key: { readonly keyId: string; readonly privateKey: KeyObject },
  purpose: SignedPurpose,
  value: unknown,
): Signature {
  const signed = sign(null, signedBytes(purpose, value), key.privateKey);
  return { keyId: key.keyId, value: signed.toString("base64url") };
}

/** Whether a trusted key made this signature over this value for this purpose. */
export function isSignedBy(
  trusted: TrustedKeys,
  purpose: SignedPurpose,
  signed: { readonly value: unknown; readonly signature: Signature },
): boolean {
  const publicKey = trusted.get(signed.signature.keyId);
  if (publicKey === undefined) return false;
  const bytes = signedBytes(purpose, signed.value);
  const signature = Buffer.from(signed.signature.value, "base64url");
  return verify(null, bytes, publicKeyOf("ed25519", publicKey), signature);
}

function signedBytes(purpose: SignedPurpose, value: unknown): Buffer {
  return Buffer.from(canonicalJson({ purpose, value }));
}
