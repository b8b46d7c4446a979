import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

import { Fault } from "../base/fault.ts";
import { sha256Hex } from "./hash.ts";

/** The curves in use: Ed25519 signs (RFC 8032), X25519 receives (RFC 7748). */
export type KeyUse = "ed25519" | "x25519";

/** A key pair as text: base64url of the 32-byte public key and of the PKCS #8 private key. */
export interface KeyPairText {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Makes a key pair where it is called; the private half should never leave that host. */
export function newKeyPair(use: KeyUse): KeyPairText {
  const pair = use === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("x25519");
  return {
    publicKey: rawPublicKey(pair.publicKey),
    privateKey: pair.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64url"),
  };
}

/**
 * A public key from its 32 raw bytes in base64url.
 * @throws Fault `snapshot/bad-key` when it is not one
 */
export function publicKeyOf(use: KeyUse, text: string): KeyObject {
  const crv = use === "ed25519" ? "Ed25519" : "X25519";
  try {
    return createPublicKey({ format: "jwk", key: { kty: "OKP", crv, x: text } });
  } catch (cause) {
    throw badKey("public", cause);
  }
}

/**
 * A private key from its PKCS #8 form in base64url.
 * @throws Fault `snapshot/bad-key` when it is not one
 */
export function privateKeyOf(text: string): KeyObject {
  try {
    const der = Buffer.from(text, "base64url");
    return createPrivateKey({ format: "der", type: "pkcs8", key: der });
  } catch (cause) {
    throw badKey("private", cause);
  }
}

/** The 32 raw bytes of a public key in base64url. */
export function rawPublicKey(key: KeyObject): string {
  const jwk = key.export({ format: "jwk" });
  if (jwk.x === undefined) throw badKey("public");
  return jwk.x;
}

/** A short name of a public key: the first 16 hexadecimal digits of its SHA-256. */
export function keyIdOf(publicKey: string): string {
  return sha256Hex(Buffer.from(publicKey, "base64url")).slice(0, 16);
}

function badKey(half: string, cause?: unknown): Fault {
  const message = `not a usable ${half} key`;
  return new Fault({ code: "snapshot/bad-key", owner: "platform", message, cause });
}
