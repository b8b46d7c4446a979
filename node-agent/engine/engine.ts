/**
 * The contract of the engines that move bytes. One engine lives in one worker thread. No socket
 * leaves it: it reports events about connections by number, and the flow answers with commands.
 *
 * The order for one connection is: `accepted`, then any number of `connect` commands each answered
 * by `connected` or `failed`, then `closed` exactly once. After `closed` the id means nothing;
 * commands for it are ignored.
 */
export interface Engine {
  /** Which driver this is. */
  readonly driver: "portable" | "native";
  /** Binds and accepts. Resolves when connections can arrive, or with the system's reason. */
  listen(listener: ListenerId, options: ListenOptions): Promise<ListenOutcome>;
  /** Stops accepting and frees the address; connections stay. */
  unlisten(listener: ListenerId): Promise<void>;
  /** Connects an accepted connection to a backend; from `connected` on bytes flow both ways. */
  connect(connection: ConnectionId, target: Target, terms: ConnectTerms): void;
  /** Ends a connection; `closed` follows with the given reason. */
  close(connection: ConnectionId, how: CloseHow, reason: CloseReason): void;
  /** Bytes so far of every connection that moved some since the last call. */
  takeMoved(): readonly MovedBytes[];
  /** Aborts everything; resolves when no descriptor is left. */
  stop(): Promise<void>;
}

/** Numbers chosen by whoever listens. */
export type ListenerId = number;
/** Numbers chosen by the engine; never used again while the engine lives. */
export type ConnectionId = number;

export interface ListenOptions {
  readonly address:
    | { readonly kind: "tcp"; readonly host: string; readonly port: number }
    | { readonly kind: "unix"; readonly path: string };
  /** Lets several workers listen on one address (SO_REUSEPORT). */
  readonly reusePort: boolean;
  readonly backlog: number;
}

export type ListenOutcome =
  | { readonly ok: true; readonly port: number }
  | { readonly ok: false; readonly code: string; readonly detail: string };

export interface Target {
  /** Address or name; a name is resolved when connecting. */
  readonly host: string;
  readonly port: number;
}

export interface ConnectTerms {
  /** Sent to the backend before anything of the client. */
  readonly prefix: Uint8Array | undefined;
  /** 0 means the system's own limit. */
  readonly connectTimeoutMs: number;
  /** Silence after which the connection is closed; 0 means never. */
  readonly clientIdleMs: number;
  readonly backendIdleMs: number;
  /** `twoWay`: traffic either way counts for both; `oneWay`: each side by what it sends. */
  readonly idleMode: "oneWay" | "twoWay";
}

/** `flush` sends what is queued first (FIN); `abort` resets (RST). */
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
] as const;
export type CloseReason = (typeof closeReasons)[number];

/** What the engine tells, in batches; the flow answers within the call where it can. */
export type EngineEvent =
  | {
      readonly kind: "accepted";
      readonly connection: ConnectionId;
      readonly listener: ListenerId;
      readonly peer: Peer;
    }
  | {
      readonly kind: "connected";
      readonly connection: ConnectionId;
    }
  | {
      readonly kind: "failed";
      readonly connection: ConnectionId;
      /** `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND` … */
      readonly code: string;
      /** Whether another backend may be tried: no byte of the client has left. */
      readonly mayRetry: boolean;
    }
  | {
      readonly kind: "closed";
      readonly connection: ConnectionId;
      readonly reason: CloseReason;
      /** From the backend to the client, and from the client to the backend; final. */
      readonly rxBytes: number;
      readonly txBytes: number;
    };

export type OnEngineEvents = (events: readonly EngineEvent[]) => void;

export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface MovedBytes {
  readonly connection: ConnectionId;
  readonly rxBytes: number;
  readonly txBytes: number;
}
