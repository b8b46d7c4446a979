import type { LookupFunction } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock } from "#shared/base/clock.ts";

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
import type { ClientPlace } from "./datagram-session.ts";
import { DatagramSessions } from "./datagram-sessions.ts";
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
  readonly #sessions: DatagramSessions;
  readonly #singles: SingleDatagrams;
  #lastId = 0;
  #isStopping = false;

  constructor(deps: PortableDatagramsDeps) {
    this.#deps = deps;
    this.#tally = new DropTally(deps.clock, deps.tell);
    const resolve = (host: string, onAnswer: ResolvedHost): void =>
      resolveHost(deps.lookup, host, onAnswer);
    const shared = { held: new HeldBytes(), resolve, tell: deps.tell };
    this.#singles = new SingleDatagrams(shared);
    this.#sessions = new DatagramSessions({
      ...shared,
      clock: deps.clock,
      deadlines: deps.deadlines,
      drop: (open, reason) => this.#drop(open.id, reason),
      onLeft: (open, client, bytes) => this.#receive(open, client, bytes),
      onEnded: (open) => this.#onSessionEnded(open),
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
    // Of a listener that is gone nobody may answer any more.
    this.#sessions.forgetWaiting(open);
    this.#singles.forget(open);
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
    this.#sessions.forward(session, target, terms);
  }

  refuse(session: SessionId): void {
    this.#singles.refuse(session);
    this.#sessions.refuse(session);
  }

  end(session: SessionId, reason: SessionEndReason): void {
    this.#sessions.end(session, reason);
  }

  evict(listener: ListenerId): SessionId | undefined {
    const open = this.#listeners.get(listener);
    return open && this.#sessions.evict(open);
  }

  takeMoved(): readonly MovedDatagrams[] {
    return this.#sessions.takeMoved();
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
      this.#sessions.begin(this.#lastId, open, client).take(bytes);
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

  /** A listener that was handed over has nothing left to do once its last session has ended. */
  #onSessionEnded(open: DatagramListener): void {
    if (!this.#left.has(open) || !open.isIdle) return;
    this.#left.delete(open);
    this.#close(open);
  }

  #close(open: DatagramListener): void {
    open.singles.stop();
    open.socket.close();
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
