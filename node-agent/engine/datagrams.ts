import type { ListenerId, ListenOutcome, Peer } from "./listening.ts";

/**
 * The contract of the UDP half of an engine. It lives beside the connections in one worker thread:
 * datagrams of a client go to one backend and its replies come back, for as long as the session
 * lives, and nothing of that reaches the flow but its beginning and its end.
 *
 * The order for one session is: `arrived`; then `forward` or `refuse`; after `forward` possibly
 * `session-failed`, after which `forward` or `refuse` is due again; then `session-ended` exactly once,
 * if it was forwarded and did not fail last. After `session-ended`, and after `refuse`, the id means
 * nothing. A command for a session that is no more is ignored, and an event that was on its way when a
 * command was given still arrives.
 *
 * An engine holds few datagrams: those of a session that awaits its answer, or the look-up of its
 * target (`heldDatagramsMax`, and `heldBytesMax` over all), and what the system's send buffer did not take.
 * What does not fit is dropped and counted, as a network would: it never waits for a slow receiver,
 * and no session waits for another one.
 */
export interface DatagramRelay {
  /**
   * Binds a UDP socket and receives. Resolves when datagrams can arrive, or with the system's reason.
   * A listener that is open already stays as it is (`EEXIST` when a descriptor was given); an engine
   * that has stopped refuses with `ECANCELED`. Where `terms.transparent` is more than the process may
   * ask of the system, or the driver can do, it refuses with `EPERM` or `ENOTSUP`.
   */
  bind(listener: ListenerId, options: BindOptions): Promise<ListenOutcome>;
  /** From the next datagram on other terms hold; sessions that are open stay. */
  adjust(listener: ListenerId, terms: ListenerTerms): void;
  /**
   * Takes no new clients: their datagrams are dropped (`sealed`) from now on, and sessions go on.
   * Nothing but `unbind` ends that.
   */
  seal(listener: ListenerId): void;
  /**
   * Stops receiving and frees the address, and ends the listener's sessions with `reason`: from an
   * address that is given up nobody can be answered. With `keepsAddress` whoever has taken the
   * socket over receives from now on, and sessions live on for the replies that are under way:
   * until they end as usual, or the engine stops. An unknown listener is no error.
   */
  unbind(listener: ListenerId, how: UnbindHow): Promise<void>;
  /** The bound socket, for a successor to take over; undefined when there is none. */
  descriptorOf(listener: ListenerId): number | undefined;
  /**
   * Gives a session that arrived, or failed, a backend: what is held of its client is sent, and what
   * follows without asking. The same object is given for all sessions on the same terms.
   */
  forward(session: SessionId, target: DatagramTarget, terms: SessionTerms): void;
  /** Drops what is held of a session that arrived or failed, and remembers nothing of it. */
  refuse(session: SessionId): void;
  /** Ends a forwarded session; `session-ended` follows. Its client's next datagram arrives anew. */
  end(session: SessionId, reason: SessionEndReason): void;
  /**
   * Ends the session of a listener that can be spared best, to make room, and says which:
   * `session-ended` with `evicted` follows. That is the most silent one of a client that is not
   * proven; when all are, the most silent of these, if it was for at least `evictSilenceMs`. Undefined
   * when there is none. A client is proven once it speaks `proofAfterReplyMs` after its first reply,
   * or `proofWithoutReplyMs` after its session began: an address that was made up is heard at once, or
   * never again. O(1).
   */
  evict(listener: ListenerId): SessionId | undefined;
  /**
   * Bytes so far of every open session that moved some since the last call. Never goes down, and
   * never exceeds what `session-ended` tells.
   */
  takeMoved(): readonly MovedDatagrams[];
}

/** Numbers chosen by the engine, apart from those of connections; never used again while it lives. */
export type SessionId = number;

export interface BindOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** Lets several engines bind one address: the system gives each client to one of them. */
  readonly reusePort: boolean;
  readonly terms: ListenerTerms;
  /**
   * A socket that is bound to the address already. The engine takes it over when binding succeeds,
   * and leaves it to the caller otherwise; a listener that is open takes none.
   */
  readonly descriptor?: number;
}

/** What holds for all clients of a listener. */
export interface ListenerTerms {
  /**
   * `sessions`: a client has a backend while its session lives. `single`: every datagram arrives and
   * is forwarded by itself; nothing lives on, no reply is relayed, no `session-ended` is told. What
   * comes in one go is told in one batch, and answered within the call it costs no copy. Sockets towards
   * backends are shared, and closed when unused for `singleSocketIdleMs`.
   */
  readonly mode: "sessions" | "single";
  /**
   * Backends see the client's address and port (IP_TRANSPARENT). Replies come back only if they are
   * routed through this host. The native driver on Linux has it.
   */
  readonly transparent: boolean;
}

export interface UnbindHow {
  readonly keepsAddress: boolean;
  readonly reason: SessionEndReason;
}

/** A host is an address, IPv6 without brackets, or a name that is resolved at that moment. */
export interface DatagramTarget {
  readonly host: string;
  readonly port: number;
}

/** How long a session lives. `single` uses `localAddress` only. */
export interface SessionTerms {
  /** Silence after which the session ends; 0 means never. The client's counts from its first datagram. */
  readonly clientIdleMs: number;
  /** The backend's counts from the first datagram as well, so one that never answers has an end. */
  readonly backendIdleMs: number;
  /** `twoWay`: traffic either way counts for both; `oneWay`: each side by what it sends. */
  readonly idleMode: "oneWay" | "twoWay";
  /**
   * Datagrams of the client that the session takes; 0 is without limit. Once they were sent the
   * client's next datagram arrives anew, and replies to this session come back still: it ends
   * (`requests-done`) when the backend has been silent for `lastRepliesMs`, or for less by the others.
   */
  readonly maxRequests: number;
  /** Datagrams of the backend after which it ends (`responses-done`), when the last is delivered. */
  readonly maxResponses: number;
  /** The address to send from towards backends; undefined leaves it to the system. */
  readonly localAddress: string | undefined;
}

/** Why a session ended: the closed list that logs use. */
export const sessionEndReasons = [
  "client-idle",
  "backend-idle",
  "requests-done",
  "responses-done",
  /** The backend's host says that nobody receives there (ICMP), or sending to it failed otherwise. */
  "backend-refused",
  "backend-lost",
  "evicted",
  "removed",
  "drained",
  "stopped",
  /** The access list has changed, and its client may not come in any more. */
  "access-denied",
] as const;
export type SessionEndReason = (typeof sessionEndReasons)[number];

/** Why datagrams did not reach their receiver: the closed list that logs use. */
export const datagramDropReasons = [
  /** More came before the answer than is held. */
  "held-full",
  /** The system's send buffer towards the backend or the client, and the queue after it, are full. */
  "send-full",
  /** Larger than the engine receives, or than the path takes (`EMSGSIZE`). */
  "too-large",
  /** A new client of a listener that takes none. */
  "sealed",
  /** The system refused to send it towards the client, or a single one towards a backend. */
  "send-failed",
] as const;
export type DatagramDropReason = (typeof datagramDropReasons)[number];

/** What the engine tells of datagrams, in the same batches and order as what it tells of connections. */
export type DatagramEvent =
  | {
      /** The first datagram of a client without a session; or, `single`, any datagram. */
      readonly kind: "arrived";
      readonly session: SessionId;
      readonly listener: ListenerId;
      /** `localAddress` is where the datagram came to; with a wildcard, part of who the client is. */
      readonly peer: Peer;
      readonly bytes: number;
    }
  | {
      /** Nothing could be sent: a name without an address, no descriptor left, no such local address. */
      readonly kind: "session-failed";
      readonly session: SessionId;
      /** `ENOTFOUND`, `EMFILE`, `EADDRINUSE` (no port is left to send from), `ENETUNREACH` … */
      readonly code: string;
    }
  | {
      /**
       * What could not be sent since nobody receives, is held beyond `maxRequests`, or was held when
       * the backend was lost, arrives anew afterwards; what is held otherwise is dropped.
       */
      readonly kind: "session-ended";
      readonly session: SessionId;
      readonly reason: SessionEndReason;
      /** From the backend to the client, and from the client to the backend: what the system took. */
      readonly rxBytes: number;
      readonly txBytes: number;
      readonly rxDatagrams: number;
      readonly txDatagrams: number;
    }
  | {
      /** `single` only: a backend's host said that nobody receives there, so many times. */
      readonly kind: "target-refused";
      readonly listener: ListenerId;
      readonly target: DatagramTarget;
      readonly count: number;
    }
  | {
      /** Since it was told last; told at most every `dropsToldMs` for each listener and reason. */
      readonly kind: "datagrams-dropped";
      readonly listener: ListenerId;
      readonly reason: DatagramDropReason;
      readonly count: number;
    };

/** Tells the two halves' events apart. Compared one by one: every event passes here, and most fail all. */
export function isDatagramEvent<Other extends { readonly kind: string }>(
  event: DatagramEvent | Other,
): event is DatagramEvent {
  const kind: string = event.kind;
  return (
    kind === "arrived" ||
    kind === "session-failed" ||
    kind === "session-ended" ||
    kind === "target-refused" ||
    kind === "datagrams-dropped"
  );
}

export interface MovedDatagrams {
  readonly session: SessionId;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxDatagrams: number;
  readonly txDatagrams: number;
}
