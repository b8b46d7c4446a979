import type { LookupFunction } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import { datagramQueueBytesMax } from "#shared/base/limits.ts";

import type {
  BindOptions,
  DatagramDropReason,
  DatagramEvent,
  DatagramRelay,
  DatagramTarget,
  ListenerTerms,
  MovedDatagrams,
  SessionEndReason,
  SessionId,
  SessionTerms,
  UnbindHow,
} from "../datagrams.ts";
import type { ListenerId, ListenOutcome } from "../listening.ts";
import { bindSocket, clientPlace, DatagramListener } from "./datagram-listener.ts";
import { DatagramSession, type ClientPlace, type SessionHost } from "./datagram-session.ts";
import type { Deadlines } from "./deadlines.ts";
import { DropTally } from "./drop-tally.ts";
import { HeldBytes } from "./held-bytes.ts";
import { resolveHost, type ResolvedHost } from "./resolve-host.ts";
import { SingleDatagrams } from "./single-datagrams.ts";
import { SingleSockets } from "./single-sockets.ts";
import { stopReceiving, udpDescriptorOf } from "./udp-socket.ts";

export interface PortableDatagramsDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly lookup: LookupFunction;
  readonly tell: (event: DatagramEvent) => void;
}

/** The UDP half on node:dgram: one socket for each session, connected to its backend. */
export class PortableDatagrams implements DatagramRelay {
  readonly #deps: PortableDatagramsDeps;
  readonly #tally: DropTally;
  readonly #listeners = new Map<ListenerId, DatagramListener>();
  /** Handed over, and kept for the replies that are under way. */
  readonly #left = new Set<DatagramListener>();
  readonly #sessions = new Map<SessionId, DatagramSession>();
  readonly #listenerOf = new WeakMap<DatagramSession, DatagramListener>();
  readonly #hosts = new WeakMap<DatagramListener, SessionHost>();
  readonly #singles: SingleDatagrams;
  readonly #moved = new Set<DatagramSession>();
  readonly #held = new HeldBytes();
  #lastId = 0;
  #isStopping = false;

  constructor(deps: PortableDatagramsDeps) {
    this.#deps = deps;
    this.#tally = new DropTally(deps.clock, deps.tell);
    this.#singles = new SingleDatagrams({
      held: this.#held,
      resolve: (host, onAnswer) => this.#resolve(host, onAnswer),
      tell: deps.tell,
    });
  }

  async bind(listener: ListenerId, options: BindOptions): Promise<ListenOutcome> {
    if (this.#isStopping) return stopped;
    const known = this.#listeners.get(listener);
    if (known !== undefined) {
      if (options.descriptor === undefined) return { ok: true, port: known.port };
      return { ok: false, code: "EEXIST", detail: "this listener is open already" };
    }
    if (options.terms.transparent) return notTransparent;
    const bound = await bindSocket(options);
    if (!bound.ok) return bound;
    if (this.#isStopping) {
      bound.socket.close();
      return stopped;
    }
    const open = new DatagramListener(
      listener,
      { socket: bound.socket, terms: options.terms },
      this.#singleSockets(listener),
    );
    this.#listeners.set(listener, open);
    open.socket.on("message", (bytes, from) => this.#receive(open, clientPlace(from), bytes));
    // Of a socket that many share an error is one client's: its host refuses replies.
    open.socket.on("error", () => this.#drop(listener, "send-failed"));
    return { ok: true, port: open.port };
  }

  adjust(listener: ListenerId, terms: ListenerTerms): void {
    const open = this.#listeners.get(listener);
    if (open !== undefined) open.terms = terms;
  }

  seal(listener: ListenerId): void {
    const open = this.#listeners.get(listener);
    if (open !== undefined) open.isSealed = true;
  }

  async unbind(listener: ListenerId, { keepsAddress, reason }: UnbindHow): Promise<void> {
    const open = this.#listeners.get(listener);
    if (open === undefined) return;
    this.#listeners.delete(listener);
    this.#forgetWaiting(open);
    open.isLeft = true;
    if (keepsAddress && !open.isIdle && stopReceiving(open.socket)) this.#left.add(open);
    else {
      open.endAll(reason);
      // Their ends are told in the next turn.
      await nextTurn();
      this.#close(open);
    }
  }

  descriptorOf(listener: ListenerId): number | undefined {
    const open = this.#listeners.get(listener);
    return open && udpDescriptorOf(open.socket);
  }

  forward(session: SessionId, target: DatagramTarget, terms: SessionTerms): void {
    this.#singles.forward(session, target, terms);
    const known = this.#sessions.get(session);
    if (known?.isWaiting !== true) return;
    this.#listenerOf.get(known)?.forwarded(known);
    known.forward(target, terms);
  }

  refuse(session: SessionId): void {
    this.#singles.refuse(session);
    const known = this.#sessions.get(session);
    if (known?.isWaiting !== true) return;
    this.#forget(known);
    known.refuse();
  }

  end(session: SessionId, reason: SessionEndReason): void {
    this.#sessions.get(session)?.end(reason);
  }

  evict(listener: ListenerId): SessionId | undefined {
    const open = this.#listeners.get(listener);
    const session = open?.spare(this.#deps.clock.monotonicMs());
    if (open === undefined || session === undefined) return undefined;
    // Its end is told in the next turn: until then nobody may choose it again.
    open.removed(session);
    session.end("evicted");
    return session.id;
  }

  takeMoved(): readonly MovedDatagrams[] {
    const moved = Array.from(this.#moved, (session) => session.moved);
    this.#moved.clear();
    return moved;
  }

  /** Ends everything; resolves when every `session-ended` was told. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const how = { keepsAddress: false, reason: "stopped" } as const;
    for (const open of this.#left) open.endAll("stopped");
    await Promise.all(Array.from(this.#listeners.keys(), (listener) => this.unbind(listener, how)));
    await nextTurn();
    this.#tally.stop();
  }

  #receive(open: DatagramListener, client: ClientPlace, bytes: Buffer): void {
    if (open.isLeft) return;
    const known = open.clients.get(client.key);
    if (known !== undefined && open.terms.mode === "sessions") return known.take(bytes);
    if (open.isSealed) return this.#drop(open.id, "sealed");
    this.#lastId += 1;
    if (open.terms.mode === "single") {
      const isTaken = this.#singles.take(this.#lastId, { listener: open, bytes });
      if (!isTaken) return this.#drop(open.id, "held-full");
    } else {
      const session = new DatagramSession(this.#lastId, client, this.#hostOf(open));
      this.#sessions.set(session.id, session);
      this.#listenerOf.set(session, open);
      open.clients.set(client.key, session);
      session.take(bytes);
    }
    const arrived = { session: this.#lastId, listener: open.id, peer: open.peerOf(client) };
    this.#deps.tell({ kind: "arrived", ...arrived, bytes: bytes.length });
  }

  #singleSockets(listener: ListenerId): SingleSockets {
    const { clock, deadlines } = this.#deps;
    return new SingleSockets({
      deadlines,
      monotonicMs: () => clock.monotonicMs(),
      drop: (reason) => this.#drop(listener, reason),
      onRefused: (target) =>
        this.#tally.add({ kind: "target-refused", listener, target, count: 1 }),
    });
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
    const { clock, deadlines, tell } = this.#deps;
    return {
      deadlines,
      monotonicMs: () => clock.monotonicMs(),
      resolve: (host, onAnswer) => this.#resolve(host, onAnswer),
      hold: (bytes) => this.#held.hold(bytes),
      drop: (reason) => this.#drop(open.id, reason),
      reply: (client, bytes, onSent) => this.#reply(open, { client, bytes }, onSent),
      onMoved: (session) => this.#moved.add(session),
      onSpoke: (session) => open.spoke(session),
      onDetached: (session) => open.detached(session),
      onFailed: (session, code) => {
        open.removed(session);
        tell({ kind: "session-failed", session: session.id, code });
      },
      onLeft: (client, left) => {
        for (const bytes of left) this.#receive(open, client, bytes);
      },
      onEnded: (session, reason) => this.#onEnded(open, session, reason),
    };
  }

  #reply(
    { id, socket }: DatagramListener,
    { client, bytes }: { readonly client: ClientPlace; readonly bytes: Buffer },
    onSent: (code?: string) => void,
  ): void {
    if (socket.getSendQueueSize() > datagramQueueBytesMax) {
      this.#drop(id, "send-full");
      return onSent("ENOBUFS");
    }
    socket.send(bytes, client.port, client.address, (error) => {
      if (error === null) return onSent();
      const code = systemErrorCode(error) ?? "EUNKNOWN";
      this.#drop(id, code === "EMSGSIZE" ? "too-large" : "send-failed");
      onSent(code);
    });
  }

  #onEnded(open: DatagramListener, session: DatagramSession, reason: SessionEndReason): void {
    this.#forget(session);
    this.#deps.tell({ kind: "session-ended", reason, ...session.moved });
    if (!this.#left.has(open) || !open.isIdle) return;
    this.#left.delete(open);
    this.#close(open);
  }

  #forget(session: DatagramSession): void {
    this.#sessions.delete(session.id);
    this.#moved.delete(session);
    const open = this.#listenerOf.get(session);
    open?.detached(session);
    open?.removed(session);
  }

  /** Of a listener that is gone nobody may answer any more. */
  #forgetWaiting(open: DatagramListener): void {
    for (const session of open.clients.values()) {
      if (session.isWaiting) this.refuse(session.id);
    }
    this.#singles.forget(open);
  }

  #close(open: DatagramListener): void {
    open.singles.stop();
    open.socket.close();
  }

  #resolve(host: string, onAnswer: ResolvedHost): void {
    resolveHost(this.#deps.lookup, host, onAnswer);
  }

  #drop(listener: ListenerId, reason: DatagramDropReason): void {
    this.#tally.add({ kind: "datagrams-dropped", listener, reason, count: 1 });
  }
}

const stopped: ListenOutcome = { ok: false, code: "ECANCELED", detail: "the engine has stopped" };
const notTransparent: ListenOutcome = {
  ok: false,
  code: "ENOTSUP",
  detail: "the portable engine cannot send with a client's address",
};
