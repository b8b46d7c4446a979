import type { SecretId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { isSecretReference, secretFieldsOf } from "#shared/definition/secret.ts";

/** The secrets that bodies name, each once. Bodies are canonical JSON. */
export function secretIdsIn(bodyTexts: Iterable<string>): readonly SecretId[] {
  const ids = new Set<SecretId>();
  for (const text of bodyTexts) {
    // A body without the word holds none: most need not be parsed.
    if (!text.includes('"secret":')) continue;
    for (const { value } of secretFieldsOf(balancerOf(text))) {
      if (isSecretReference(value)) ids.add(value.secret);
    }
  }
  return [...ids];
}

/** Guarantee: a body was checked as a balancer before it was stored, and its hash since. */
function balancerOf(text: string): Balancer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(text) as Balancer;
}
