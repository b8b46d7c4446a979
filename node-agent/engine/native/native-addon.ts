import type { BackendTlsTerms, ClientTlsTerms, TlsRefusal } from "../tls-terms.ts";

/** One engine of the addon, see `src/addon.cc`. Numbers below zero are negative errnos. */
export interface NativeHandle {
  listenTcp(
    listener: number,
    host: string,
    port: number,
    reusePort: boolean,
    backlog: number,
  ): number;
  listenUnix(listener: number, path: string, backlog: number): number;
  listenAdopted(listener: number, descriptor: number, path: string): number;
  unlisten(listener: number, keepPath: boolean): void;
  descriptorOf(listener: number): number;
  addTarget(host: string, port: number): number;
  addUnixTarget(path: string): number;
  addTerms(
    connectTimeoutMs: number,
    clientIdleMs: number,
    backendIdleMs: number,
    halfClosedMs: number,
    twoWay: boolean,
    dialTls: number,
  ): number;
  clearTables(): void;
  setClientTls(id: number, terms: ClientTlsTerms): NativeTlsRefusal | undefined;
  setBackendTls(id: number, terms: BackendTlsTerms): NativeTlsRefusal | undefined;
  forgetTls(id: number): void;
  addDialTls(
    terms: number,
    serverName: string,
    verifyName: string,
    alpn: readonly string[],
    prefixInside: boolean,
  ): number;
  tlsFacts(connection: number): NativeTlsFacts | undefined;
  firstBytes(connection: number, bytes: Uint8Array): number;
  setPrefix(connection: number, bytes: Uint8Array): boolean;
  /** Tells the time that deadlines go by. */
  tick(clockMs: number): void;
  run(commands: number): void;
  takeMoved(rows: Float64Array): number;
  connections(): number;
  bindDatagrams(
    listener: number,
    host: string,
    port: number,
    reusePort: boolean,
    single: boolean,
    transparent: boolean,
  ): number;
  adoptDatagrams(
    listener: number,
    descriptor: number,
    single: boolean,
    transparent: boolean,
  ): number;
  adjustDatagrams(listener: number, single: boolean, transparent: boolean): void;
  sealDatagrams(listener: number): void;
  unbindDatagrams(listener: number, keepAddress: boolean, reason: number): void;
  datagramDescriptorOf(listener: number): number;
  addDatagramTarget(host: string, port: number): number;
  addSessionTerms(
    clientIdleMs: number,
    backendIdleMs: number,
    twoWay: boolean,
    maxRequests: number,
    maxResponses: number,
    localAddress: string,
  ): number;
  clearDatagramTables(): void;
  evictSession(listener: number): number;
  takeMovedDatagrams(rows: Float64Array): number;
  /** Sessions, and sockets for single datagrams. */
  liveDatagrams(): number;
  sessionPeer(session: number): [string, number, string, number] | undefined;
  peer(connection: number): [string, number, string, number] | undefined;
  stop(): void;
}

/** Why terms were refused: what, and in the library's words. */
export type NativeTlsRefusal = [code: TlsRefusal, detail: string];

/** What a handshake came to; the last two are there when the client has shown a certificate. */
export type NativeTlsFacts = [
  serverName: string,
  alpn: string,
  version: string,
  cipher: string,
  isResumed: boolean,
  commonName?: string,
  isVerified?: boolean,
];

/** What the addon exports. */
export interface NativeAddon {
  /** Which face it has; this agent speaks to `nativeContract` alone. */
  readonly contract: number;
  readonly NativeEngine: new (
    events: Float64Array,
    commands: Float64Array,
    onBatch: (events: number) => number,
  ) => NativeHandle;
}

/** The face that `native-engine.ts` was written for; `src/addon.cc` says the same. */
export const nativeContract = 3;
