import { isIP, isIPv4, type LookupFunction } from "node:net";
import { getSystemErrorName } from "node:util";

import type { Clock, Timer } from "#shared/base/clock.ts";

import {
  sessionEndReasons,
  type BindOptions,
  type DatagramEvent,
  type DatagramRelay,
  type DatagramTarget,
  type ListenerTerms,
  type MovedDatagrams,
  type SessionEndReason,
  type SessionId,
  type SessionTerms,
  type UnbindHow,
} from "../datagrams.ts";
import type { ListenerId, ListenOutcome } from "../listening.ts";
import { withoutIpv6 } from "../wildcard.ts";
import type { CommandRow } from "./command-rows.ts";
import { datagramEventAt, sessionCommands, type DatagramAsker } from "./datagram-rows.ts";
import { NameDials } from "./name-dials.ts";
import type { NativeHandle } from "./native-addon.ts";
import { Ipv4Peer, peerOf, type LocalAddress } from "./native-peer.ts";
import { SessionTables } from "./session-tables.ts";

const movedRows = 4_096;
const movedFields = 5;
/** How often the addon is told the time while it has sessions. */
const tickMs = 50;

export interface NativeDatagramsDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly handle: NativeHandle;
  readonly command: (row: CommandRow) => void;
  readonly flush: () => void;
  readonly tell: (event: DatagramEvent) => void;
}

/** The UDP half of the engine in C++. */
export class NativeDatagrams implements DatagramRelay {
  readonly #deps: NativeDatagramsDeps;
  readonly #names: NameDials;
  readonly #tables: SessionTables;
  readonly #asker: DatagramAsker;
  readonly #moved = new Float64Array(movedRows * movedFields);
  /** Listeners on one IPv4 address: where their datagrams come to is known without asking. */
  readonly #locals = new Map<ListenerId, LocalAddress>();
  #ticking: Timer | undefined;
  #isStopped = false;

  constructor(deps: NativeDatagramsDeps) {
    this.#deps = deps;
    this.#tables = new SessionTables({ handle: deps.handle, flush: deps.flush });
    this.#names = new NameDials({
      clock: deps.clock,
      lookup: deps.lookup,
      onFailed: (session, code) => this.#fail(session, code),
    });
    this.#asker = {
      peerOf: ({ session, listener, address, port }) => {
        const local = this.#locals.get(listener);
        return address < 0 || local === undefined
          ? peerOf(deps.handle.sessionPeer(session))
          : new Ipv4Peer(address, port, local);
      },
      targetOf: (index) => this.#tables.targetAt(index),
    };
  }

  bind(listener: ListenerId, options: BindOptions): Promise<ListenOutcome> {
    if (this.#isStopped) {
      return Promise.resolve({ ok: false, code: "ECANCELED", detail: "the engine has stopped" });
    }
    const { host, port } = options.address;
    const answer = this.#bind(listener, options);
    if (answer < 0) {
      const code = getSystemErrorName(answer);
      const fallback = withoutIpv6({ kind: "tcp", host, port }, code);
      if (fallback?.kind === "tcp") return this.bind(listener, { ...options, address: fallback });
      return Promise.resolve({ ok: false, code, detail: `bind ${code}` });
    }
    if (isIPv4(host) && host !== "0.0.0.0") {
      this.#locals.set(listener, { address: host, port: answer });
    }
    return Promise.resolve({ ok: true, port: answer });
  }

  adjust(listener: ListenerId, terms: ListenerTerms): void {
    if (this.#isStopped) return;
    this.#deps.handle.adjustDatagrams(listener, terms.mode === "single", terms.transparent);
  }

  seal(listener: ListenerId): void {
    if (!this.#isStopped) this.#deps.handle.sealDatagrams(listener);
  }

  unbind(listener: ListenerId, { keepsAddress, reason }: UnbindHow): Promise<void> {
    if (!this.#isStopped) {
      this.#deps.flush();
      this.#deps.handle.unbindDatagrams(listener, keepsAddress, sessionEndReasons.indexOf(reason));
    }
    return Promise.resolve();
  }

  descriptorOf(listener: ListenerId): number | undefined {
    const descriptor = this.#isStopped ? -1 : this.#deps.handle.datagramDescriptorOf(listener);
    return descriptor < 0 ? undefined : descriptor;
  }

  forward(session: SessionId, target: DatagramTarget, terms: SessionTerms): void {
    if (this.#isStopped) return;
    if (isIP(target.host) !== 0) {
      this.#forward(session, { address: target.host, target, terms });
      return;
    }
    this.#command(sessionCommands.resolve, session, 1);
    const dial = (address: string): void => this.#forward(session, { address, target, terms });
    this.#names.start({ connection: session, name: target.host, connectTimeoutMs: 0, dial });
  }

  refuse(session: SessionId): void {
    this.#command(sessionCommands.refuse, session);
  }

  end(session: SessionId, reason: SessionEndReason): void {
    this.#command(sessionCommands.end, session, sessionEndReasons.indexOf(reason));
  }

  evict(listener: ListenerId): SessionId | undefined {
    if (this.#isStopped) return undefined;
    // What was decided before comes before.
    this.#deps.flush();
    this.tick();
    const session = this.#deps.handle.evictSession(listener);
    return session < 0 ? undefined : session;
  }

  takeMoved(): readonly MovedDatagrams[] {
    const moved: MovedDatagrams[] = [];
    if (this.#isStopped) return moved;
    for (let count = movedRows; count === movedRows;) {
      count = this.#deps.handle.takeMovedDatagrams(this.#moved);
      for (let row = 0; row < count; row += 1) moved.push(this.#movedAt(row * movedFields));
    }
    return moved;
  }

  /** Tells the addon the time; it does so by itself every `tickMs` while sessions are open. */
  tick(): void {
    if (!this.#isStopped) this.#deps.handle.tick(this.#deps.clock.monotonicMs());
  }

  /** The event that stands in a row of numbers; undefined when it is not about datagrams. */
  eventAt(memory: Float64Array, at: number): DatagramEvent | undefined {
    return datagramEventAt(memory, at, this.#asker);
  }

  /** Sees every event before the flow does. */
  note(event: DatagramEvent): void {
    if (event.kind === "arrived") this.#startTicking();
    else if (event.kind === "session-ended") this.#names.forget(event.session);
  }

  /** From now on nothing reaches the addon any more, which ends by itself what is open. */
  stop(): void {
    this.#isStopped = true;
    this.#names.stop();
    this.#ticking?.stop();
  }

  #bind(listener: ListenerId, { address, reusePort, terms, descriptor }: BindOptions): number {
    const { handle } = this.#deps;
    const isSingle = terms.mode === "single";
    return descriptor === undefined
      ? handle.bindDatagrams(
          listener,
          address.host,
          address.port,
          reusePort,
          isSingle,
          terms.transparent,
        )
      : handle.adoptDatagrams(listener, descriptor, isSingle, terms.transparent);
  }

  /** While there are sessions the addon is told the time; without any it costs no wake-up. */
  #startTicking(): void {
    if (this.#ticking !== undefined || this.#isStopped) return;
    this.tick();
    this.#ticking = this.#deps.clock.every(tickMs, () => {
      this.tick();
      if (this.#isStopped || this.#deps.handle.liveDatagrams() > 0) return;
      this.#ticking?.stop();
      this.#ticking = undefined;
    });
  }

  #movedAt(at: number): MovedDatagrams {
    const field = (index: number): number => this.#moved[at + index] ?? 0;
    const [rxBytes, txBytes, rxDatagrams, txDatagrams] = [field(1), field(2), field(3), field(4)];
    return { session: field(0), rxBytes, txBytes, rxDatagrams, txDatagrams };
  }

  #forward(
    session: SessionId,
    to: { readonly address: string; readonly target: DatagramTarget; readonly terms: SessionTerms },
  ): void {
    const indices = this.#tables.indicesOf(to.address, to.target, to.terms);
    if (indices === undefined) this.#fail(session, "EINVAL");
    else this.#command(sessionCommands.forward, session, indices.target, indices.terms);
  }

  /** Not within the call: the flow hears of it as of any other event. */
  #fail(session: SessionId, code: string): void {
    this.#command(sessionCommands.resolve, session, 0);
    setImmediate(() => this.#deps.tell({ kind: "session-failed", session, code }));
  }

  #command(
    kind: (typeof sessionCommands)[keyof typeof sessionCommands],
    connection: SessionId,
    first = 0,
    second = 0,
  ): void {
    if (!this.#isStopped) this.#deps.command({ kind, connection, first, second });
  }
}
