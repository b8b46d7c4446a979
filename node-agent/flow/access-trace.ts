import type { SessionEndReason } from "../engine/datagrams.ts";
import type { CloseReason, Peer } from "../engine/engine.ts";
import type { ClientTlsFacts, TlsFailure } from "../engine/tls-terms.ts";

/** Which connections of a balancer are logged, and what they are called there. */
export interface AccessTerms {
  /** The balancer's id and name. */
  readonly balancer: string;
  readonly balancerName: string;
  /** The share of connections, 0 to 1. */
  readonly sample: number;
}

/** What the log wants to know of a connection, from its start on. */
export interface AccessTrace {
  readonly terms: AccessTerms;
  /** Who it is about. */
  peer: Peer;
  /** The address that the connection came from, where a proxy may tell about another. */
  readonly proxy?: string | undefined;
  /** Where it came in: `address:port`, or `unix:path`. */
  readonly listener: string;
  readonly isSampled: boolean;
  /** Wall-clock milliseconds since 1970, and the monotonic clock's. */
  readonly acceptedAtMs: number;
  readonly acceptedMs: number;
  /** Monotonic; undefined before a backend was reached. */
  connectedMs: number | undefined;
  /** Of the last dial that failed. */
  failure: string | undefined;
  /** What its TLS came to; undefined when it is not terminated. */
  tls: ClientTlsFacts | undefined;
}

/** How a connection ended. */
export interface AccessEnd {
  readonly reason: CloseReason | SessionEndReason;
  /** Why its handshake failed. */
  readonly tlsFailure?: TlsFailure;
  /** Names of the backends that it was tried on, the last one last. */
  readonly tried: readonly string[];
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Of a UDP session. */
  readonly rxDatagrams?: number;
  readonly txDatagrams?: number;
}

/** Reasons of connections that did not get what they came for. */
const failures: ReadonlySet<AccessEnd["reason"]> = new Set<AccessEnd["reason"]>([
  "backend-refused",
  "connect-failed",
  "connect-timeout",
  "no-backend",
  "backends-full",
  "limit-reached",
  "access-denied",
  "handshake-failed",
  "handshake-timeout",
  "untrusted-proxy",
  "bad-proxy-header",
  "proxy-header-timeout",
  "bad-hello",
  "hello-timeout",
  "name-refused",
]);

/** Whether a connection is logged although it was not sampled. */
export function isFailure(trace: AccessTrace, { reason }: AccessEnd): boolean {
  return trace.failure !== undefined || failures.has(reason);
}

/**
 * The line of a connection that has ended, in the form of the agent's other log lines. Times are
 * whole milliseconds; `time` is the end.
 */
export function accessLine(trace: AccessTrace, end: AccessEnd, nowMs: number): string {
  const { terms, peer, connectedMs, acceptedMs, failure } = trace;
  const durationMs = Math.round(nowMs - acceptedMs);
  const isSession = end.txDatagrams !== undefined;
  const line = {
    level: 30,
    time: Math.round(trace.acceptedAtMs + (nowMs - acceptedMs)),
    name: "midstream-agent",
    pid: process.pid,
    event: isSession ? "session" : "connection",
    balancer: terms.balancer,
    balancerName: terms.balancerName,
    client: peer.address,
    clientPort: peer.port,
    ...(trace.proxy === undefined ? {} : { proxy: trace.proxy }),
    listener: trace.listener,
    backend: end.tried.at(-1) ?? null,
    dials: end.tried.length,
    connectMs: connectedMs === undefined ? null : Math.round(connectedMs - acceptedMs),
    durationMs,
    rxBytes: end.rxBytes,
    txBytes: end.txBytes,
    ...(end.rxDatagrams === undefined ? {} : { rxDatagrams: end.rxDatagrams }),
    ...(end.txDatagrams === undefined ? {} : { txDatagrams: end.txDatagrams }),
    reason: end.reason,
    ...(failure === undefined ? {} : { dialError: failure }),
    ...(end.tlsFailure === undefined ? {} : { tlsFailure: end.tlsFailure }),
    ...tlsFields(trace.tls),
    msg: isSession ? "a session ended" : "a connection ended",
  };
  return `${JSON.stringify(line)}\n`;
}

function tlsFields(tls: ClientTlsFacts | undefined): Readonly<Record<string, string | boolean>> {
  if (tls === undefined) return {};
  return {
    tlsVersion: tls.version,
    tlsCipher: tls.cipher,
    tlsResumed: tls.isResumed,
    ...(tls.serverName === "" ? {} : { tlsName: tls.serverName }),
    ...(tls.alpn === "" ? {} : { tlsProtocol: tls.alpn }),
    ...(tls.client === undefined ? {} : { tlsClient: tls.client.commonName }),
  };
}
