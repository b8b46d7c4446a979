import type { KeyObject } from "node:crypto";

import { rsaKeyBitsMax, rsaKeyBitsMin } from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";

import { certificateProblem } from "./certificate-problem.ts";

/** Curves by OpenSSL's names, and what they are called elsewhere. */
const curves: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "ec-p256"],
  ["secp384r1", "ec-p384"],
  ["secp521r1", "ec-p521"],
]);

/** A key's kind: `rsa-2048`, `ec-p256`, `ed25519` … */
export function keyTypeOf(key: KeyObject): string {
  const { asymmetricKeyType: type = "unknown", asymmetricKeyDetails: details } = key;
  if (type === "rsa") return `rsa-${details?.modulusLength ?? 0}`;
  if (type !== "ec") return type;
  const curve = details?.namedCurve ?? "unknown";
  return curves.get(curve) ?? `ec-${curve}`;
}

/** Why a key cannot be used, or undefined. `whose` begins the sentence. */
export function keyProblem(key: KeyObject, pointer: string, whose: string): Problem | undefined {
  const type = keyTypeOf(key);
  if (type === "ed25519" || [...curves.values()].includes(type)) return undefined;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (key.asymmetricKeyType !== "rsa" || bits === undefined) {
    const detail = `${whose} is ${type}; known are RSA, EC (P-256, P-384, P-521) and Ed25519`;
    return certificateProblem(pointer, "unsupported-key", detail);
  }
  if (bits < rsaKeyBitsMin) {
    const detail = `${whose} has ${bits} bits; an RSA key needs ${rsaKeyBitsMin}`;
    return certificateProblem(pointer, "weak-key", detail);
  }
  if (bits <= rsaKeyBitsMax) return undefined;
  const detail = `${whose} has ${bits} bits; an RSA key may have ${rsaKeyBitsMax}`;
  return certificateProblem(pointer, "unsupported-key", detail);
}
