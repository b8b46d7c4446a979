import type { Problem } from "#shared/base/problem.ts";
import { placesOf, valuesAt } from "#shared/definition/places.ts";
import { hiddenSecret } from "#shared/definition/secret-value.ts";
import type { Parts } from "#shared/validation/parts.ts";

import { checkPair } from "../../certificates/check-pair.ts";

/** Where a certificate and its key are written as texts. */
const places = placesOf(
  "backendTls/clientCertificate/pem",
  "discovery/tls/clientCertificate/pem",
  "discovery/sources/*/tls/clientCertificate/pem",
);

/**
 * What is wrong with the pairs that a definition brings along as texts, as if they were uploaded.
 * Only with those whose key is written now: one that was stored before may be over by now, and must
 * not stand in the way of another change.
 */
export function pairProblems(written: Parts["right"], nowMs: number): readonly Problem[] {
  return valuesAt(written, places).flatMap(({ value, pointer }) => {
    const pair = newPairIn(value);
    const checked = pair && checkPair({ ...pair, passphrase: undefined }, nowMs);
    if (checked === undefined || checked.ok) return [];
    // A pass-phrase has no field of its own here: what is said of it is said of the key.
    const at = (of: string): string => pointer + (of === "/passphrase" ? "/key" : of);
    return checked.problems.map((one) => ({ ...one, pointer: at(one.pointer) }));
  });
}

function newPairIn(
  value: unknown,
): { readonly certificate: string; readonly key: string } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("certificate" in value) || !("key" in value)) return undefined;
  const { certificate, key } = value;
  if (typeof certificate !== "string" || typeof key !== "string") return undefined;
  return key === hiddenSecret ? undefined : { certificate, key };
}
