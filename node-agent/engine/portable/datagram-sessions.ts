import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import { datagramQueueBytesMax } from "#shared/base/limits.ts";

import type {
  DatagramDropReason,
  DatagramEvent,
  DatagramTarget,
  MovedDatagrams,
  SessionEndReason,
  SessionId,
  SessionTerms,
} from "../datagrams.ts";
import type { DatagramListener } from "./datagram-listener.ts";
import { DatagramSession, type ClientPlace, type SessionHost } from "./datagram-session.ts";
import type { Deadlines } from "./deadlines.ts";
import type { HeldBytes } from "./held-bytes.ts";
import type { ResolvedHost } from "./resolve-host.ts";

export interface DatagramSessionsDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly held: HeldBytes;
  readonly resolve: (host: string, onAnswer: ResolvedHost) => void;
  readonly tell: (event: DatagramEvent) => void;
  readonly drop: (listener: DatagramListener, reason: DatagramDropReason) => void;
  /** A datagram that its session has left over: it comes in anew. */
  readonly onLeft: (listener: DatagramListener, client: ClientPlace, bytes: Buffer) => void;
  /** The end of one of this listener's sessions was told. */
  readonly onEnded: (listener: DatagramListener) => void;
}

/**
 * The sessions of all listeners, each under its id from its first datagram until its end was told.
 * Commands mean nothing for an id that is not one of these.
 */
export class DatagramSessions {
  readonly #deps: DatagramSessionsDeps;
  readonly #sessions = new Map<SessionId, DatagramSession>();
  readonly #hosts = new WeakMap<DatagramListener, SessionHost>();
  readonly #moved = new Set<DatagramSession>();

  constructor(deps: DatagramSessionsDeps) {
    this.#deps = deps;
  }

  /** Begins a session that waits for its answer; the client's next datagrams are the session's. */
  begin(id: SessionId, open: DatagramListener, client: ClientPlace): DatagramSession {
    const session = new DatagramSession(id, client, this.#hostOf(open));
    this.#sessions.set(id, session);
    open.clients.set(client.key, session);
    return session;
  }

  forward(id: SessionId, target: DatagramTarget, terms: SessionTerms): void {
    this.#sessions.get(id)?.forward(target, terms);
  }

  refuse(id: SessionId): void {
    this.#sessions.get(id)?.refuse();
  }

  end(id: SessionId, reason: SessionEndReason): void {
    this.#sessions.get(id)?.end(reason);
  }

  /** Ends the session that a listener can spare best, and says which; undefined when it can spare none. */
  evict(open: DatagramListener): SessionId | undefined {
    const session = open.spare(this.#deps.clock.monotonicMs());
    if (session === undefined) return undefined;
    // Its end is told in the next turn: until then nobody may choose it again.
    open.removed(session);
    session.end("evicted");
    return session.id;
  }

  /** What every session has moved that moved something since the last call. */
  takeMoved(): readonly MovedDatagrams[] {
    const moved = Array.from(this.#moved, (session) => session.moved);
    this.#moved.clear();
    return moved;
  }

  /** Nobody may answer those of a listener that is gone. */
  forgetWaiting(open: DatagramListener): void {
    for (const session of open.clients.values()) {
      if (session.isWaiting) this.refuse(session.id);
    }
  }

  /** One for all sessions of a listener. */
  #hostOf(open: DatagramListener): SessionHost {
    const known = this.#hosts.get(open);
    if (known !== undefined) return known;
    const host = this.#newHost(open);
    this.#hosts.set(open, host);
    return host;
  }

  #newHost(open: DatagramListener): SessionHost {
    const { clock, deadlines, held, resolve, tell, drop, onLeft } = this.#deps;
    return {
      deadlines,
      monotonicMs: () => clock.monotonicMs(),
      resolve,
      hold: (bytes) => held.hold(bytes),
      drop: (reason) => drop(open, reason),
      reply: (client, bytes, onSent) => this.#reply(open, { client, bytes }, onSent),
      onMoved: (session) => this.#moved.add(session),
      onForwarded: (session) => open.forwarded(session),
      onRefused: (session) => this.#forget(open, session),
      onSpoke: (session) => open.spoke(session),
      onDetached: (session) => open.detached(session),
      onFailed: (session, code) => {
        open.removed(session);
        tell({ kind: "session-failed", session: session.id, code });
      },
      onLeft: (client, left) => {
        for (const bytes of left) onLeft(open, client, bytes);
      },
      onEnded: (session, reason) => this.#onEnded(open, session, reason),
    };
  }

  #reply(
    open: DatagramListener,
    { client, bytes }: { readonly client: ClientPlace; readonly bytes: Buffer },
    onSent: (code?: string) => void,
  ): void {
    const { drop } = this.#deps;
    if (open.socket.getSendQueueSize() > datagramQueueBytesMax) {
      drop(open, "send-full");
      return onSent("ENOBUFS");
    }
    open.socket.send(bytes, client.port, client.address, (error) => {
      if (error === null) return onSent();
      const code = systemErrorCode(error) ?? "EUNKNOWN";
      drop(open, code === "EMSGSIZE" ? "too-large" : "send-failed");
      onSent(code);
    });
  }

  #onEnded(open: DatagramListener, session: DatagramSession, reason: SessionEndReason): void {
    this.#forget(open, session);
    this.#deps.tell({ kind: "session-ended", reason, ...session.moved });
    this.#deps.onEnded(open);
  }

  #forget(open: DatagramListener, session: DatagramSession): void {
    this.#sessions.delete(session.id);
    this.#moved.delete(session);
    open.detached(session);
    open.removed(session);
  }
}
