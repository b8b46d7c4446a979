import {
  createCipheriv,
  createDecipheriv,
  diffieHellman,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";

import { z } from "zod";

import { newKeyPair, privateKeyOf, publicKeyOf } from "./keys.ts";
import { signatureSchema, type Signature } from "./signature.ts";

/**
 * A secret that only one node can open: an ephemeral X25519 agreement, HKDF-SHA-256, AES-256-GCM.
 * The additional data binds it to `{node, secret}`, the signature to the control plane.
 */
export interface SealedSecret {
  /** Ephemeral public key, 12-byte nonce, ciphertext with tag; each base64url. */
  readonly ephemeral: string;
  readonly nonce: string;
  readonly box: string;
  readonly signature: Signature;
}

export const sealedSecretSchema: z.ZodType<SealedSecret> = z.object({
  ephemeral: z.string().max(64),
  nonce: z.string().max(32),
  box: z.string().max(32_768),
  signature: signatureSchema,
});

/** Whom a box is for; part of the authenticated data. */
export interface SealedFor {
  readonly node: string;
  readonly secret: string;
}

/** The value that the control plane signs for a box, with the purpose `midstream.sealed.v1`. */
export function sealedSignedValue(
  target: SealedFor,
  box: Omit<SealedSecret, "signature">,
): unknown {
  const { ephemeral, nonce } = box;
  return { node: target.node, secret: target.secret, ephemeral, nonce, box: box.box };
}

const tagBytes = 16;

/** The unsigned box; the caller signs it together with whom it is for. */
export function sealFor(
  recipientPublicKey: string,
  target: SealedFor,
  plain: string,
): Omit<SealedSecret, "signature"> {
  const ephemeral = newKeyPair("x25519");
  const key = agreedKey(
    privateKeyOf(ephemeral.privateKey),
    recipientPublicKey,
    ephemeral.publicKey,
  );
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(boundTo(target));
  const box = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return {
    ephemeral: ephemeral.publicKey,
    nonce: nonce.toString("base64url"),
    box: box.toString("base64url"),
  };
}

/** The secret, or undefined when the box is not for this key, node and secret, or was changed. */
export function openSealed(
  recipient: { readonly privateKey: KeyObject; readonly publicKey: string },
  target: SealedFor,
  sealed: Omit<SealedSecret, "signature">,
): string | undefined {
  try {
    const shared = diffieHellman({
      privateKey: recipient.privateKey,
      publicKey: publicKeyOf("x25519", sealed.ephemeral),
    });
    const key = derivedKey(shared, sealed.ephemeral, recipient.publicKey);
    const box = Buffer.from(sealed.box, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(sealed.nonce, "base64url"))
      .setAAD(boundTo(target))
      .setAuthTag(box.subarray(-tagBytes));
    return decipher.update(box.subarray(0, -tagBytes), undefined, "utf8") + decipher.final("utf8");
  } catch {
    // Every way to fail means the same to the caller: this box cannot be opened here.
    return undefined;
  }
}

function agreedKey(ephemeralKey: KeyObject, recipient: string, ephemeral: string): Buffer {
  const publicKey = publicKeyOf("x25519", recipient);
  return derivedKey(diffieHellman({ privateKey: ephemeralKey, publicKey }), ephemeral, recipient);
}

function derivedKey(shared: Buffer, ephemeral: string, recipient: string): Buffer {
  const salt = Buffer.from(`${ephemeral}.${recipient}`);
  return Buffer.from(hkdfSync("sha256", shared, salt, "midstream.sealed.v1", 32));
}

function boundTo(target: SealedFor): Buffer {
  return Buffer.from(JSON.stringify([target.node, target.secret]));
}
