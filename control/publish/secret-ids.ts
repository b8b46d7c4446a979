import type { SecretId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { certificateEntryKind, type CertificateBody } from "#shared/definition/certificate-body.ts";
import { isSecretReference, secretFieldsOf } from "#shared/definition/secret.ts";
import type { ManifestEntry } from "#shared/snapshot/manifest.ts";

import { bodyOf, type BodyTexts } from "./check-snapshot.ts";

/**
 * The secrets that the bodies of entries name, each once.
 *
 * @throws Fault `publish/missing-body`
 */
export function secretIdsIn(
  entries: Iterable<ManifestEntry>,
  bodies: BodyTexts,
): readonly SecretId[] {
  const ids = new Set<SecretId>();
  for (const entry of entries) {
    for (const id of idsIn(entry.kind, bodyOf(entry, bodies))) ids.add(id);
  }
  return [...ids];
}

function idsIn(kind: string, text: string): readonly SecretId[] {
  // A body without the word holds none: most need not be parsed.
  if (!text.includes('"secret":')) return [];
  if (kind === certificateEntryKind) return [certificateOf(text).key.secret];
  return secretFieldsOf(balancerOf(text)).flatMap(({ value }) =>
    isSecretReference(value) ? [value.secret] : [],
  );
}

/** Guarantee: a body was checked as a balancer before it was stored, and its hash since. */
function balancerOf(text: string): Balancer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(text) as Balancer;
}

/** Guarantee: a certificate's body was made by us, and its hash checked since. */
function certificateOf(text: string): CertificateBody {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(text) as CertificateBody;
}
