import { X509Certificate } from "node:crypto";

import { certificateNames } from "./certificate-names.ts";
import type { KeyPair } from "./key-pair.ts";

/** Who a balancer is to clients that ask for certain names. */
export interface Identity {
  readonly pairs: readonly KeyPair[];
  readonly names: readonly string[];
}

/**
 * Identities in the order of their first pairs. Pairs for the same names belong to one, the first of
 * each type of key: a client is shown what it can verify.
 */
export function identitiesOf(pairs: readonly KeyPair[]): readonly Identity[] {
  const byNames = new Map<string, { names: readonly string[]; pairs: Map<string, KeyPair> }>();
  for (const pair of pairs) {
    const names = certificateNames(pair.certificatePem);
    const key = [...names].toSorted().join(" ");
    const known = byNames.get(key) ?? { names, pairs: new Map<string, KeyPair>() };
    byNames.set(key, known);
    const type = keyType(pair);
    if (!known.pairs.has(type)) known.pairs.set(type, pair);
  }
  return Array.from(byNames.values(), (identity) => ({
    names: identity.names,
    pairs: [...identity.pairs.values()],
  }));
}

function keyType({ certificatePem }: KeyPair): string {
  return new X509Certificate(certificatePem).publicKey.asymmetricKeyType ?? "unknown";
}
