import { createPrivateKey, constants, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";

import { errorText } from "#shared/base/fault.ts";

import type { HandshakeTerms, TlsOutcome, TlsPair, TlsRefusal } from "../tls-terms.ts";

/** What was made of terms, or which part of them OpenSSL refuses. */
export type Built<T> =
  | { readonly ok: true; readonly value: T }
  | Extract<TlsOutcome, { readonly ok: false }>;

/** What a context is made of, both towards clients and towards backends. */
export interface ContextParts {
  readonly pairs: readonly TlsPair[];
  readonly authoritiesPem: string;
  readonly handshake: HandshakeTerms;
  readonly options: SecureContextOptions;
}

/** Sessions are bound to this name; what keeps them apart is that terms have keys of their own. */
const sessionIdContext = "midstream";

/** Node takes both lists in one, and without any of the second kind it stops at TLS 1.2. */
const usualSuites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/** A context of OpenSSL. Its parts are tried one by one, so that a refusal names the right one. */
export function buildContext({
  pairs,
  authoritiesPem,
  handshake,
  options,
}: ContextParts): Built<SecureContext> {
  try {
    for (const pair of pairs) {
      attempt("bad-certificate", () => new X509Certificate(pair.certificatePem));
      attempt("bad-certificate", () => createSecureContext({ cert: pair.certificatePem }));
      attempt("bad-key", () => createPrivateKey(pair.keyPem));
      attempt("key-mismatch", () =>
        createSecureContext({ cert: pair.certificatePem, key: pair.keyPem }),
      );
    }
    const authorities =
      authoritiesPem === ""
        ? []
        : attempt("bad-authorities", () => certificatesIn(authoritiesPem).map(certificateText));
    const value = attempt("bad-handshake", () =>
      createSecureContext({
        ...options,
        cert: pairs.map(({ certificatePem }) => certificatePem),
        key: pairs.map(({ keyPem }) => keyPem),
        ca: authorities,
        minVersion: handshake.minVersion,
        maxVersion: handshake.maxVersion,
        ciphers: `${handshake.cipherSuites || usualSuites}:${handshake.cipherList}`,
        ...(handshake.groups === "" ? {} : { ecdhCurve: handshake.groups }),
        honorCipherOrder: true,
        sessionIdContext,
        secureOptions: (options.secureOptions ?? 0) | constants.SSL_OP_NO_RENEGOTIATION,
      }),
    );
    return { ok: true, value };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, code: error.code, detail: error.message };
    throw error;
  }
}

/** The certificates of a bundle; text between them means nothing. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]+-----END [^-]+-----/g);
  if (blocks === null) throw new Error("there is no certificate in it");
  return blocks.map((block) => new X509Certificate(block));
}

function certificateText(certificate: X509Certificate): string {
  return certificate.toString();
}

class Refused extends Error {
  readonly code: TlsRefusal;

  constructor(code: TlsRefusal, cause: unknown) {
    super(errorText(cause), { cause });
    this.code = code;
  }
}

function attempt<T>(code: TlsRefusal, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Refused(code, error);
  }
}
