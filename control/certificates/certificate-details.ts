import type { X509Certificate } from "node:crypto";

import { certificateNamesShownMax } from "#shared/base/limits.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import type { CertificateDetails } from "../storage/tables/certificates.ts";
import { keyTypeOf } from "./key-type.ts";

/** What a certificate says of itself. */
export function certificateDetails(
  chain: readonly [X509Certificate, ...X509Certificate[]],
): CertificateDetails {
  const [leaf] = chain;
  const names = namesOf(leaf);
  return {
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    names: names.slice(0, certificateNamesShownMax),
    namesOmitted: Math.max(0, names.length - certificateNamesShownMax),
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    chainNotAfterMs: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    keyType: keyTypeOf(leaf.publicKey),
    fingerprint: leaf.fingerprint256.replaceAll(":", "").toLowerCase(),
    serialNumber: leaf.serialNumber.toLowerCase(),
    chainLength: chain.length,
    chainHash: sha256Hex(Buffer.concat(chain.map(({ raw }) => raw))),
  };
}

/** Node writes `DNS:a.example, IP Address:10.0.0.1`, and quotes a name that holds a comma. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const names = [...(leaf.subjectAltName ?? "").matchAll(/(?:DNS|IP Address):([^",\s]+)/g)];
  return names.map(([, name = ""]) => name);
}

function oneLine(name: string | undefined): string {
  return (name ?? "").split("\n").join(", ");
}
