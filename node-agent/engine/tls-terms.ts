/**
 * What an engine needs to speak TLS: tables that are set once and named by number. Everything in
 * them was checked before and crosses threads by value; files, stored certificates, pass-phrases and
 * cipher names of other spellings are somebody else's.
 *
 * Setting a number again replaces the terms for handshakes that begin from then on. Handshakes and
 * connections that began before keep what they began with, also after `forgetTls`. A set that fails
 * leaves what there was.
 */
export type TlsTermsId = number;

/** TLS towards clients. */
export interface ClientTlsTerms {
  /**
   * At least one. The identity whose names hold the one that the client asks for (RFC 6066) is
   * shown: the very name before one with `*`, the first of two that hold the same. The first
   * identity is shown to a client that asks for another name, or for none.
   */
  readonly identities: readonly TlsIdentity[];
  readonly handshake: HandshakeTerms;
  /**
   * Protocols in our order of preference (RFC 7301), each 1 to 255 bytes of ASCII. Empty: the
   * extension is not answered. A client that offers protocols and none of these is refused with the
   * alert `no_application_protocol`; one that offers nothing is served.
   */
  readonly alpn: readonly string[];
  readonly clientAuth: ClientAuthTerms;
  /**
   * Keys of session tickets, 48 bytes each: 16 of its name, 16 of an HMAC-SHA256 key, 16 of
   * an AES-128-CBC key, as in Node's `ticketKeys`. The first seals, all of them open; a ticket that
   * another than the first has opened is replaced. Empty: no session is ever resumed, by a ticket or
   * otherwise. A session holds what was true of its client when it began, so terms with another
   * `clientAuth` need other keys.
   */
  readonly ticketKeys: readonly Uint8Array[];
}

/** Who we are to clients that ask for certain names. */
export interface TlsIdentity {
  /**
   * At least one; several only with keys of different types, for a client to take what it can. The
   * portable driver shows the first of an identity that is not alone.
   */
  readonly pairs: readonly TlsPair[];
  /**
   * Host names in lower case and ASCII (A-labels); `*.` stands for exactly one label. None for an
   * identity that is shown as the first only.
   */
  readonly names: readonly string[];
}

export interface TlsPair {
  /** The leaf, then each issuer of the one before it. */
  readonly certificatePem: string;
  /** In clear, PKCS #8 or the older forms. */
  readonly keyPem: string;
}

/** What a handshake may agree on. */
export interface HandshakeTerms {
  readonly minVersion: TlsTermsVersion;
  readonly maxVersion: TlsTermsVersion;
  /**
   * Suites of TLS 1.2 and earlier by OpenSSL's names, `:` between them, in order of preference; ours
   * counts towards clients. TLS 1.0 and 1.1 need a list that ends in `@SECLEVEL=0`.
   */
  readonly cipherList: string;
  /** Suites of TLS 1.3, written the same way. Empty: those that OpenSSL offers by itself. */
  readonly cipherSuites: string;
  /** Key exchange groups, written the same way. Empty: those that OpenSSL offers by itself. */
  readonly groups: string;
}

/** As Node and `SSL_get_version` write them. */
export type TlsTermsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export interface ClientAuthTerms {
  /**
   * `none` asks for no certificate; `request` asks and takes any or none; `require` takes any, also
   * one that nobody has signed; `verify` takes what the authorities have signed for a client and is
   * valid now.
   */
  readonly mode: "none" | "request" | "require" | "verify";
  /** PEM, any number of certificates; with `verify` at least one. Named to clients that are asked. */
  readonly authoritiesPem: string;
}

/** TLS towards backends. */
export interface BackendTlsTerms {
  /** False takes any certificate, and any name. */
  readonly verify: boolean;
  /** PEM. There are no others: the system's, when they count, are handed over here. */
  readonly authoritiesPem: string;
  /** Shown to backends that ask for one. */
  readonly pair: TlsPair | undefined;
  readonly handshake: HandshakeTerms;
  /**
   * Offers the last session that a backend gave for the same target and names; at
   * most `backendSessionsMax` are kept. False: none is kept or offered.
   */
  readonly resumes: boolean;
}

/** TLS of one dial. */
export interface ConnectTls {
  readonly terms: TlsTermsId;
  /** Sent to the backend (SNI); empty sends none, and an address may not be sent. */
  readonly serverName: string;
  /**
   * The host name, or IP address, that the backend's certificate has to hold as an alternative name
   * (RFC 9525: a common name does not count, `*` stands for one whole label).
   */
  readonly verifyName: string;
  /** Offered in this order; empty offers none. A backend that takes none of them is no failure. */
  readonly alpn: readonly string[];
  /** Where `ConnectTerms.prefix` goes: in clear before the handshake, or first inside of it. */
  readonly prefix: "before" | "inside";
}

export interface SecureTerms {
  /** From the command on, for the whole handshake; 0 means forever. */
  readonly timeoutMs: number;
}

/** What a client's handshake came to. */
export interface ClientTlsFacts {
  /** In lower case, as the client asked for it; empty when it asked for none. */
  readonly serverName: string;
  /** The protocol agreed on; empty when there is none. */
  readonly alpn: string;
  readonly version: TlsTermsVersion;
  /** OpenSSL's name, which for TLS 1.3 is IANA's. */
  readonly cipher: string;
  /** What the client has shown; undefined when nothing. */
  readonly client: ClientCertificateFacts | undefined;
  /** Whether a ticket has spared it a full handshake. */
  readonly isResumed: boolean;
}

export interface ClientCertificateFacts {
  /** Of the subject, the last if there are several; empty when there is none. */
  readonly commonName: string;
  /** True with mode `verify` only. */
  readonly isVerified: boolean;
}

/**
 * Why a handshake failed; the closed list that logs and metrics use.
 *
 * `not-tls`: what arrived is no TLS record. `no-shared-version`, `no-shared-cipher` (the key
 * exchange group included) and `no-shared-alpn`: nothing both sides want. `no-certificate`: none was
 * shown where one is required. `untrusted`: not signed by the authorities, or not for this use.
 * `expired`: not valid now, that is not yet or no more. `name-mismatch`: not for the name that was
 * to be verified. `alert`: the other side has refused, and said so. `ended`: the other side has
 * ended or reset its stream meanwhile. `protocol`: anything else that TLS forbids.
 */
export const tlsFailures = [
  "not-tls",
  "no-shared-version",
  "no-shared-cipher",
  "no-shared-alpn",
  "no-certificate",
  "untrusted",
  "expired",
  "name-mismatch",
  "alert",
  "ended",
  "protocol",
] as const;
export type TlsFailure = (typeof tlsFailures)[number];

/** What became of terms that were set; `detail` is the library's own text, without any key. */
export type TlsOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: TlsRefusal; readonly detail: string };

/** Which part of the terms the library does not take. `unsupported`: this engine has no TLS. */
export type TlsRefusal =
  | "bad-certificate"
  | "bad-key"
  | "key-mismatch"
  | "bad-authorities"
  | "bad-handshake"
  | "bad-alpn"
  | "bad-ticket-key"
  | "unsupported";
