import { systemErrorCode } from "#shared/base/fault.ts";

import type { TlsFailure } from "../tls-terms.ts";

/** What OpenSSL, and Node.js for its verification, call a failure; what is not here is `protocol`. */
const failures: ReadonlyMap<string, TlsFailure> = new Map([
  ...named("not-tls", ["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_HTTP_REQUEST"]),
  ...named("not-tls", ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "ERR_SSL_BAD_RECORD_TYPE"]),
  ...named("not-tls", ["ERR_SSL_HTTPS_PROXY_REQUEST", "ERR_SSL_RECORD_LAYER_FAILURE"]),
  ...named("no-shared-version", ["ERR_SSL_UNSUPPORTED_PROTOCOL", "ERR_SSL_VERSION_TOO_LOW"]),
  ...named("no-shared-version", ["ERR_SSL_NO_PROTOCOLS_AVAILABLE"]),
  ...named("no-shared-cipher", ["ERR_SSL_NO_SHARED_CIPHER", "ERR_SSL_NO_SUITABLE_KEY_SHARE"]),
  ...named("no-shared-cipher", ["ERR_SSL_NO_SHARED_GROUPS", "ERR_SSL_NO_CIPHERS_AVAILABLE"]),
  ...named("no-shared-cipher", ["ERR_SSL_NO_SUITABLE_GROUPS"]),
  ...named("no-shared-cipher", ["ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM"]),
  ...named("no-shared-alpn", ["ERR_SSL_NO_APPLICATION_PROTOCOL"]),
  ...named("no-certificate", ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"]),
  ...named("expired", ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]),
  ...named("name-mismatch", ["ERR_TLS_CERT_ALTNAME_INVALID"]),
  ...named("ended", ["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT"]),
  ...named("ended", ["ERR_SSL_UNEXPECTED_EOF_WHILE_READING"]),
]);

/** Codes of X.509 verification: upper case, and of no other library. */
const untrusted = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "CERT_SIGNATURE_FAILURE",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_CHAIN_TOO_LONG",
  "CERT_REVOKED",
  "INVALID_CA",
  "PATH_LENGTH_EXCEEDED",
  "INVALID_PURPOSE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "HOSTNAME_MISMATCH",
  "UNSPECIFIED",
]);

/** Why a handshake failed, by the error that a TLS socket was destroyed with. */
export function tlsFailureOf(error: Error): TlsFailure {
  const code = systemErrorCode(error) ?? "";
  const known = failures.get(code);
  if (known !== undefined) return known;
  if (untrusted.has(code)) return "untrusted";
  return code.includes("_ALERT_") ? "alert" : "protocol";
}

function named(
  failure: TlsFailure,
  codes: readonly string[],
): readonly (readonly [string, TlsFailure])[] {
  return codes.map((code) => [code, failure] as const);
}
