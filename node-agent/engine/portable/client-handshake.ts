import type { Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";

import type {
  ClientCertificateFacts,
  ClientTlsFacts,
  TlsFailure,
  TlsTermsVersion,
} from "../tls-terms.ts";
import type { ClientTls } from "./client-tls.ts";
import {
  acknowledgeNames,
  askedName,
  isReset,
  tellErrors,
  verificationError,
} from "./node-tls-inside.ts";
import { tlsFailureOf } from "./tls-failure-of.ts";

export interface ClientHandshakeDeps {
  readonly onSecured: (facts: ClientTlsFacts) => void;
  /** Once, unless it was secured. */
  readonly onFailed: (failure: TlsFailure) => void;
  /** After it was secured. */
  readonly onError: () => void;
}

/**
 * Begins TLS with a client over its socket, which may have been read: what was is put back. The
 * socket that comes back has a listener for errors, and belongs to the caller.
 */
export function beginClientHandshake(
  deps: ClientHandshakeDeps,
  tls: ClientTls,
  wire: Socket,
): TLSSocket {
  const { mode } = tls.terms.clientAuth;
  const { usual, contextFor } = tls;
  const stream = new TLSSocket(wire, {
    isServer: true,
    secureContext: usual,
    ...(contextFor === undefined ? {} : { SNICallback: chooserOf(contextFor) }),
    requestCert: mode !== "none",
    // Whether there must be one; whom to trust is looked at below.
    rejectUnauthorized: mode === "require" || mode === "verify",
    ...(tls.terms.alpn.length === 0 ? {} : { ALPNProtocols: [...tls.terms.alpn] }),
  });
  acknowledgeNames(stream, usual);
  let isOver = false;
  const fail = (failure: TlsFailure): void => {
    if (isOver) return;
    isOver = true;
    deps.onFailed(failure);
  };
  stream.on("error", (error: Error) => (isOver ? deps.onError() : fail(tlsFailureOf(error))));
  // Before it was secured nothing is read of it: an end then is the end of the handshake.
  stream.on("end", () => (isOver && isReset(wire, stream) ? deps.onError() : fail("ended")));
  wire.on("end", () => fail("ended"));
  stream.on("close", () => fail("ended"));
  stream.once("secure", () => {
    const untrusted = mode === "verify" ? verificationError(stream) : undefined;
    if (untrusted !== undefined) {
      // Within the handshake: OpenSSL is still at it, and must not be freed.
      return void setImmediate(() => fail(tlsFailureOf(codedError(untrusted))));
    }
    if (isOver) return;
    isOver = true;
    tellErrors(stream);
    deps.onSecured(factsOf(stream, mode === "verify"));
  });
  return stream;
}

function chooserOf(
  contextFor: NonNullable<ClientTls["contextFor"]>,
): NonNullable<TLSSocketOptions["SNICallback"]> {
  return (name, choose) => choose(null, contextFor(name.toLowerCase()));
}

function factsOf(stream: TLSSocket, isVerified: boolean): ClientTlsFacts {
  const { alpnProtocol } = stream;
  return {
    serverName: askedName(stream),
    alpn: typeof alpnProtocol === "string" ? alpnProtocol : "",
    version: versionOf(stream),
    cipher: stream.getCipher().name,
    client: certificateFacts(stream, isVerified),
    isResumed: stream.isSessionReused(),
  };
}

/** The versions that terms can allow. */
const versions: readonly TlsTermsVersion[] = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"];

function versionOf(stream: TLSSocket): TlsTermsVersion {
  const name = stream.getProtocol();
  return versions.find((version) => version === name) ?? "TLSv1.3";
}

function certificateFacts(
  stream: TLSSocket,
  isVerified: boolean,
): ClientCertificateFacts | undefined {
  const certificate = stream.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const names: unknown = certificate.toLegacyObject().subject?.CN;
  const name: unknown = Array.isArray(names) ? names.at(-1) : names;
  return { commonName: typeof name === "string" ? name : "", isVerified };
}

function codedError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
