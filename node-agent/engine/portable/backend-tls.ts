import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { isIP } from "node:net";
import {
  connect as beginTls,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";

import { backendSessionsMax } from "#shared/base/limits.ts";

import type { BackendTlsTerms, ConnectTls } from "../tls-terms.ts";
import { buildContext, type Built } from "./tls-context.ts";

/** Terms of TLS towards backends, ready for handshakes. */
export class BackendTls {
  readonly #context: SecureContext;
  readonly #verify: boolean;
  readonly #resumes: boolean;
  /** By target and names, the one that was offered longest ago first. */
  readonly #sessions = new Map<string, Buffer>();

  constructor(context: SecureContext, { verify, resumes }: BackendTlsTerms) {
    this.#context = context;
    this.#verify = verify;
    this.#resumes = resumes;
  }

  /**
   * Begins TLS over a socket that is connected to `target`. The socket that comes back tells
   * `secureConnect`, or `error` with a code that `tlsFailureOf` knows; it has no listener yet.
   */
  begin(wire: Socket, target: string, { serverName, verifyName, alpn }: ConnectTls): TLSSocket {
    const key = `${target} ${serverName} ${verifyName} ${alpn.join(",")}`;
    const session = this.#sessions.get(key);
    const stream = beginTls({
      socket: wire,
      secureContext: this.#context,
      rejectUnauthorized: this.#verify,
      checkServerIdentity: (_, shown) => mismatch(verifyName, shown),
      ...(serverName === "" ? {} : { servername: serverName }),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(session === undefined ? {} : { session }),
    });
    if (this.#resumes) stream.on("session", (given) => this.#keep(key, given));
    // Whatever was wrong with it, it is not offered again.
    stream.on("error", () => this.#sessions.delete(key));
    return stream;
  }

  #keep(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= backendSessionsMax && oldest !== undefined) {
      this.#sessions.delete(oldest);
    }
    this.#sessions.set(key, session);
  }
}

export function buildBackendTls(terms: BackendTlsTerms): Built<BackendTls> {
  const { authoritiesPem, handshake, pair } = terms;
  const pairs = pair === undefined ? [] : [pair];
  const built = buildContext({ pairs, authoritiesPem, handshake, options: {} });
  return built.ok ? { ok: true, value: new BackendTls(built.value, terms) } : built;
}

/** What is wrong with a certificate that is trusted: it holds another name than the one wanted. */
function mismatch(verifyName: string, shown: PeerCertificate): Error | undefined {
  const certificate = new X509Certificate(shown.raw);
  const holds =
    isIP(verifyName) === 0
      ? certificate.checkHost(verifyName, { subject: "never", partialWildcards: false })
      : certificate.checkIP(verifyName);
  if (holds !== undefined) return undefined;
  return Object.assign(new Error(`the certificate is not for ${verifyName}`), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
}
