import { systemClock, type Clock } from "#shared/base/clock.ts";

import type { Engine, EngineEvent } from "../../../node-agent/engine/engine.ts";
import type {
  BackendTlsTerms,
  ClientTlsTerms,
  ConnectTls,
  HandshakeTerms,
  SecureTerms,
  TlsPair,
} from "../../../node-agent/engine/tls-terms.ts";
import {
  createTestAuthority,
  type TestAuthority,
  type Wanted,
} from "../../support/certificate-authority.ts";
import type { TestCertificate } from "../../support/test-certificates.ts";
import { startRelay, type EngineSubject, type Relay } from "./relay-rig.ts";

export const clientTls = 1;
export const backendTls = 2;

export const usualHandshake: HandshakeTerms = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  cipherList:
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" +
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
  cipherSuites: "",
  groups: "",
};

/** Whether the engine speaks TLS at all. */
export function offersTls(subject: EngineSubject): boolean {
  const engine = subject.create({ clock: systemClock(), onEvents: () => undefined });
  const outcome = engine.setBackendTls(backendTls, backendTerms({}));
  void engine.stop();
  return outcome.ok || outcome.code !== "unsupported";
}

export function clientTerms(
  terms: Partial<ClientTlsTerms> & Pick<ClientTlsTerms, "identities">,
): ClientTlsTerms {
  return {
    handshake: usualHandshake,
    alpn: [],
    clientAuth: { mode: "none", authoritiesPem: "" },
    ticketKeys: [],
    ...terms,
  };
}

export function backendTerms(terms: Partial<BackendTlsTerms>): BackendTlsTerms {
  return {
    verify: true,
    authoritiesPem: "",
    pair: undefined,
    handshake: usualHandshake,
    resumes: false,
    ...terms,
  };
}

export function pairOf({ cert, key }: TestCertificate): TlsPair {
  return { certificatePem: cert, keyPem: key };
}

/** Shared by the cases: making keys takes longer than a handshake. */
let authority: Promise<TestAuthority> | undefined;
export function testAuthority(): Promise<TestAuthority> {
  authority ??= createTestAuthority();
  return authority;
}

/** An identity for these names, and what it was made of. */
export async function identityFor(
  names: readonly string[],
  wanted: Wanted = {},
): Promise<ClientTlsTerms["identities"][number]> {
  const certificate = await (await testAuthority()).issue({ names, ...wanted });
  return { pairs: [pairOf(certificate)], names };
}

export interface TlsRelayOptions {
  /** Where to; nothing is dialled unless given, and the client stays. */
  readonly target?: { readonly host: string; readonly port: number };
  /** TLS with clients; none unless given. */
  readonly client?: ClientTlsTerms;
  /** TLS with backends; none unless given. */
  readonly backend?: BackendTlsTerms;
  readonly connect?: Partial<ConnectTls>;
  readonly prefix?: Uint8Array;
  readonly secure?: SecureTerms;
  readonly connectTimeoutMs?: number;
  readonly clientIdleMs?: number;
  readonly clock?: Clock;
  readonly onEvent?: (event: EngineEvent, engine: Engine) => void;
}

/** A relay that speaks TLS with whom it is told to. */
export async function startTlsRelay(
  subject: EngineSubject,
  options: TlsRelayOptions,
): Promise<Relay> {
  const { target, secure = { timeoutMs: 10_000 } } = options;
  const dial = (engine: Engine, connection: number, relay: Relay): void => {
    if (target === undefined) return;
    const address = { kind: "tcp", host: target.host, port: target.port } as const;
    engine.connect(connection, address, {
      ...relay.terms,
      prefix: options.prefix,
      connectTimeoutMs: options.connectTimeoutMs ?? relay.terms.connectTimeoutMs,
      clientIdleMs: options.clientIdleMs ?? 0,
      ...(options.backend === undefined ? {} : { tls: connectTls(options.connect) }),
    });
  };
  const relay = await startRelay(subject, unused, {
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    onEvent: (event, engine, current) => {
      options.onEvent?.(event, engine);
      if (event.kind === "secured") dial(engine, event.connection, current);
      if (event.kind === "failed") engine.close(event.connection, "flush", "connect-failed");
      if (event.kind !== "accepted") return;
      if (options.client === undefined) dial(engine, event.connection, current);
      else engine.secure(event.connection, clientTls, secure);
    },
  });
  for (const engine of relay.engines) {
    if (options.client !== undefined) mustSet(engine.setClientTls(clientTls, options.client));
    if (options.backend !== undefined) mustSet(engine.setBackendTls(backendTls, options.backend));
  }
  return relay;
}

function connectTls(given: Partial<ConnectTls> = {}): ConnectTls {
  return {
    terms: backendTls,
    serverName: "",
    verifyName: "127.0.0.1",
    alpn: [],
    prefix: "inside",
    ...given,
  };
}

export function mustSet(outcome: ReturnType<Engine["setClientTls"]>): void {
  if (!outcome.ok) throw new Error(`the terms are refused: ${outcome.code}, ${outcome.detail}`);
}

/** Replaces the terms in all engines. */
export function setAll(relay: Relay, terms: ClientTlsTerms): void {
  for (const engine of relay.engines) mustSet(engine.setClientTls(clientTls, terms));
}

const unused = { kind: "tcp", host: "127.0.0.1", port: 9 } as const;
