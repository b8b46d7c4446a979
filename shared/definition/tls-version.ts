import { z } from "zod";

import { alpnNamesMax } from "../base/limits.ts";
import { refuse } from "./reading.ts";

/** Versions in their order. */
const tlsVersions = ["tls1", "tls1.1", "tls1.2", "tls1.3"] as const;

/**
 * Cipher suites by the names of IANA, which are Go's, and of OpenSSL. RC4 and 3DES are left out:
 * OpenSSL no longer has them, and a name that is taken and does nothing is worse than one that is
 * refused.
 */
const cipherSuites = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
  "TLS_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_RSA_WITH_AES_128_CBC_SHA256",
  "TLS_RSA_WITH_AES_128_CBC_SHA",
  "TLS_RSA_WITH_AES_256_CBC_SHA",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA256",
  "ECDHE-RSA-AES128-SHA256",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA256",
  "AES128-SHA",
  "AES256-SHA",
] as const;

export type CipherSuite = (typeof cipherSuites)[number];

const tlsVersionSchema = z.enum(tlsVersions).meta({ id: "TlsVersion" });

export type TlsVersion = z.output<typeof tlsVersionSchema>;

/** What a handshake may agree on; the same towards clients and towards backends. */
export const handshakeShape = {
  ciphers: z
    .array(z.enum(cipherSuites).meta({ id: "CipherSuite" }))
    .min(1)
    .max(cipherSuites.length)
    .optional()
    .meta({
      description:
        "Only these suites, in order of preference; all safe ones unless given. Those of TLS 1.3 and " +
        "those before it are two lists: one that is left out is what is usual",
    }),
  // TLS 1.0 and 1.1 are deprecated (RFC 8996).
  minVersion: tlsVersionSchema.default("tls1.2"),
  maxVersion: tlsVersionSchema.optional().meta({
    description: "The newest there is, unless given",
  }),
  // A ticket key would have to be shared by all nodes, and weakens forward secrecy while it lives.
  sessionTickets: z.boolean().default(false),
};

/** Refuses a range without a version in it. */
export function checkVersionRange(
  handshake: { readonly minVersion: TlsVersion; readonly maxVersion?: TlsVersion | undefined },
  check: z.RefinementCtx,
): void {
  const { minVersion, maxVersion = "tls1.3" } = handshake;
  if (tlsVersions.indexOf(minVersion) <= tlsVersions.indexOf(maxVersion)) return;
  const detail = `minVersion is ${minVersion}, which is newer than maxVersion ${maxVersion}`;
  refuse(check, { code: "conflict", detail, path: ["maxVersion"] });
}

/** Protocol names that a handshake may agree on (RFC 7301). */
export const alpnSchema = z
  .array(
    z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, { error: "is not the name of a protocol" })
      .meta({ examples: ["h2", "http/1.1"] }),
  )
  .min(1)
  .max(alpnNamesMax);
