import type { BackendTls } from "#shared/definition/backend-tls.ts";
import type { TlsVersion } from "#shared/definition/tls-version.ts";

import { openSslNames } from "./suite-names.ts";

/** What a definition lets handshakes agree on. */
type Agreeable = Pick<BackendTls, "ciphers" | "minVersion" | "maxVersion">;

/** The same in the words of OpenSSL. */
export interface OpenSslHandshake {
  readonly minVersion: OpenSslVersion;
  readonly maxVersion: OpenSslVersion;
  readonly cipherList: string;
  readonly cipherSuites: string;
  readonly groups: string;
}

type OpenSslVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

const versions: Readonly<Record<TlsVersion, OpenSslVersion>> = {
  tls1: "TLSv1",
  "tls1.1": "TLSv1.1",
  "tls1.2": "TLSv1.2",
  "tls1.3": "TLSv1.3",
};

/** Forward secrecy and authenticated encryption, no more: Mozilla's intermediate list of 2025. */
const safeSuites = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** What TLS 1.0 and 1.1 have: asked for by whoever allows them and lists no suites. */
const oldSuites = [
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
];

/** OpenSSL has no TLS 1.0 and 1.1, which sign with SHA-1, above this level. */
const oldLevel = "@SECLEVEL=0";

export function handshakeTerms({ ciphers, minVersion, maxVersion }: Agreeable): OpenSslHandshake {
  const isOld = minVersion === "tls1" || minVersion === "tls1.1";
  const given = openSslNames(ciphers ?? []);
  const newer = given.filter((name) => name.startsWith("TLS_"));
  const older = given.filter((name) => !name.startsWith("TLS_"));
  const usual = isOld ? [...safeSuites, ...oldSuites] : safeSuites;
  return {
    minVersion: versions[minVersion],
    maxVersion: versions[maxVersion ?? "tls1.3"],
    cipherList: [...(older.length === 0 ? usual : older), ...(isOld ? [oldLevel] : [])].join(":"),
    cipherSuites: newer.join(":"),
    groups: "",
  };
}
