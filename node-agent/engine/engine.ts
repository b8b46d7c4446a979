import type { Clock } from "#shared/base/clock.ts";

import type { DatagramEvent, DatagramRelay } from "./datagrams.ts";
import type { ListenerId, ListenOutcome, Peer } from "./listening.ts";
import type {
  BackendTlsTerms,
  ClientTlsFacts,
  ClientTlsTerms,
  ConnectTls,
  SecureTerms,
  TlsFailure,
  TlsOutcome,
  TlsTermsId,
} from "./tls-terms.ts";

export type { ListenerId, ListenOutcome, Peer } from "./listening.ts";

/**
 * The contract of the engines that move bytes. One engine lives in one worker thread. No socket
 * leaves it: it reports events about connections by number, and the flow answers with commands.
 *
 * The order for one connection is: `accepted`, then any number of `peek` commands each answered by
 * `peeked`, then `secure` at most once, answered by `secured`, then any number of `connect` commands
 * each answered by `connected` or `failed`, then `closed` exactly once. After `closed` the id means
 * nothing.
 * A command that does not fit what the connection is doing is ignored, and an event that was on its
 * way when a command was given still arrives: whoever closes a connection may yet hear `connected`.
 *
 * A side is not read while the other one is slow. A driver may then hear of its reset only once it
 * is read again; and a write that fails may make it lose what a backend that has ended and reset had
 * said and was not read yet. The native driver does neither.
 *
 * TLS, on either side, is the engine's affair: what is said above and below of bytes and of ends
 * then means those inside of it. A stream ends by `close_notify`, or by the end of the connection
 * below without one: so many programs end that way that it counts as an end, not as a reset. An end
 * is passed on to TLS as a `close_notify`, after which the other direction goes on. What cannot be
 * opened as TLS any more is a reset by the side that sent it.
 */
export interface Engine {
  /** Which driver this is. */
  readonly driver: Driver;
  /** The UDP half; undefined while a driver has none. `stop` ends it too, its sessions with `stopped`. */
  readonly datagrams: DatagramRelay | undefined;
  /**
   * Binds and accepts. Resolves when connections can arrive, or with the system's reason. A listener
   * that is open already stays as it is (`EEXIST` when a descriptor was given); an engine that has
   * stopped refuses with `ECANCELED`.
   */
  listen(listener: ListenerId, options: ListenOptions): Promise<ListenOutcome>;
  /**
   * Stops accepting and frees the address; connections stay. An unknown listener is no error.
   * `keepsAddress` leaves the address, a Unix socket's file included, to whoever has taken the
   * listening socket over.
   */
  unlisten(listener: ListenerId, how?: { readonly keepsAddress: boolean }): Promise<void>;
  /** The listening socket, for a successor to take over; undefined when there is none. */
  descriptorOf(listener: ListenerId): number | undefined;
  /**
   * Asks for what the client says first, while it is accepted and not yet connected; `peeked`
   * answers once. What was peeked is relayed all the same, unless it is discarded.
   */
  peek(connection: ConnectionId, terms: PeekTerms): void;
  /** Drops this many of the bytes that were peeked: they are neither relayed nor counted. */
  discard(connection: ConnectionId, bytes: number): void;
  /** Sets, or replaces, terms of TLS towards clients. They and those towards backends share numbers. */
  setClientTls(id: TlsTermsId, terms: ClientTlsTerms): TlsOutcome;
  /** Sets, or replaces, terms of TLS towards backends. */
  setBackendTls(id: TlsTermsId, terms: BackendTlsTerms): TlsOutcome;
  /** Unknown terms are no error. */
  forgetTls(id: TlsTermsId): void;
  /**
   * Lets the client begin TLS, while it is accepted and not yet connected. What was peeked and not
   * discarded is part of its handshake. `secured` answers, or `closed` with `handshake-failed` and
   * why, or with `handshake-timeout`; a client that goes meanwhile has failed too. With terms that
   * are unknown it is closed with `handshake-failed`. From then on `peek` and `discard` are ignored.
   */
  secure(connection: ConnectionId, terms: TlsTermsId, how: SecureTerms): void;
  /** Connects an accepted connection to a backend; from `connected` on bytes flow both ways. */
  connect(connection: ConnectionId, target: Address, terms: ConnectTerms): void;
  /** Ends a connection; `closed` follows with the given reason. */
  close(connection: ConnectionId, how: CloseHow, reason: CloseReason): void;
  /**
   * Bytes so far of every open connection that moved some since the last call. Never goes down, and
   * never exceeds what `closed` tells in the end.
   */
  takeMoved(): readonly MovedBytes[];
  /** Aborts everything; resolves when every `closed` was told and no descriptor is left. */
  stop(): Promise<void>;
}

export type Driver = "portable" | "native";

export interface EngineDeps {
  readonly clock: Clock;
  readonly onEvents: OnEngineEvents;
}

export type CreateEngine = (deps: EngineDeps) => Engine;

/** Numbers chosen by the engine; never used again while the engine lives. */
export type ConnectionId = number;

/**
 * Where to listen or to connect. Hosts are addresses, IPv6 without brackets; to connect, a name is
 * allowed and is resolved at that moment. To listen, `::` takes IPv4 as well, and only IPv4 on a
 * system without IPv6. Port 0 lets the system choose.
 */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface ListenOptions {
  readonly address: Address;
  /** Lets several engines listen on one address (SO_REUSEPORT); means nothing to Unix sockets. */
  readonly reusePort: boolean;
  /** Connections that the kernel completes and keeps until they are accepted. */
  readonly backlog: number;
  /**
   * A socket that listens on the address already. The engine takes it over when listening succeeds,
   * and leaves it to the caller otherwise; a listener that is open takes none.
   * `reusePort` and `backlog` are then what the socket has.
   */
  readonly descriptor?: number;
}

export interface PeekTerms {
  /** More bytes than these are worth telling: 0 for any, or as many as have been told, at least. */
  readonly moreThan: number;
  /** Silence that is waited out; 0 means forever. */
  readonly timeoutMs: number;
}

export interface ConnectTerms {
  /** Sent to the backend before anything of the client; not counted as the client's. */
  readonly prefix: Uint8Array | undefined;
  /** In clear when absent. */
  readonly tls?: ConnectTls;
  /** Includes looking up a name, and the handshake of TLS; 0 means the system's own limit. */
  readonly connectTimeoutMs: number;
  /** Silence after which the connection is closed; 0 means never. */
  readonly clientIdleMs: number;
  readonly backendIdleMs: number;
  /**
   * `twoWay`: traffic either way counts for both; `oneWay`: each side by what it sends, where a side
   * that has ended its stream, and so can send no more, is measured as in `twoWay`, and one that is
   * not read because the other side is slow is not silent.
   */
  readonly idleMode: "oneWay" | "twoWay";
}

/** `flush` sends what is queued first (FIN), for at most `flushMsMax`; `abort` resets (RST). */
export type CloseHow = "flush" | "abort";

/** Why a connection ended: the closed list that logs and metrics use. */
export const closeReasons = [
  "client-closed",
  "backend-closed",
  "client-reset",
  "backend-reset",
  "client-idle",
  "backend-idle",
  "connect-failed",
  "connect-timeout",
  "no-backend",
  "backends-full",
  "limit-reached",
  "access-denied",
  "drained",
  "removed",
  "stopped",
  "backend-lost",
  "handshake-failed",
  "handshake-timeout",
  "untrusted-proxy",
  "bad-proxy-header",
  "proxy-header-timeout",
  "bad-hello",
  "hello-timeout",
  "name-refused",
] as const;
export type CloseReason = (typeof closeReasons)[number];

/** What the engine tells, in batches and in order; the flow answers within the call where it can. */
export type EngineEvent = ConnectionEvent | DatagramEvent;

/** What it tells of connections and their listeners. */
export type ConnectionEvent =
  | {
      readonly kind: "accepted";
      readonly connection: ConnectionId;
      readonly listener: ListenerId;
      readonly peer: Peer;
    }
  | {
      readonly kind: "peeked";
      readonly connection: ConnectionId;
      /** All that the client has said so far, at most `peekBytesMax`. */
      readonly bytes: Uint8Array;
      /** `ended`: the client has ended its stream, or no more bytes fit; asking again is in vain. */
      readonly outcome: "more" | "ended" | "timeout";
    }
  | {
      readonly kind: "secured";
      readonly connection: ConnectionId;
      readonly tls: ClientTlsFacts;
    }
  | {
      readonly kind: "connected";
      readonly connection: ConnectionId;
    }
  | {
      readonly kind: "failed";
      readonly connection: ConnectionId;
      /**
       * `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND` …; `tls-` and a `TlsFailure` when the handshake
       * with the backend failed; `EINVAL` when its terms are unknown.
       */
      readonly code: string;
      /** Whether another backend may be tried: no byte of the client has left. */
      readonly mayRetry: boolean;
    }
  | {
      readonly kind: "closed";
      readonly connection: ConnectionId;
      /** Who ended its stream first, unless something else cut the connection. */
      readonly reason: CloseReason;
      /** With `handshake-failed`, why. */
      readonly tlsFailure?: TlsFailure;
      /**
       * From the backend to the client, and from the client to the backend; final. Exact when both
       * streams ended; of a connection that was cut, what the system had not taken is left out.
       */
      readonly rxBytes: number;
      readonly txBytes: number;
    }
  | {
      /** A listener could not accept (descriptors ran out, say); it keeps trying. */
      readonly kind: "accept-failed";
      readonly listener: ListenerId;
      readonly code: string;
    };

export type OnEngineEvents = (events: readonly EngineEvent[]) => void;

export interface MovedBytes {
  readonly connection: ConnectionId;
  readonly rxBytes: number;
  readonly txBytes: number;
}
