import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { movedMs } from "#shared/base/limits.ts";

import type { ClaimedAddress } from "../engine/address-claims.ts";
import {
  isDatagramEvent,
  type BindOptions,
  type ListenerTerms,
  type MovedDatagrams,
  type SessionId,
} from "../engine/datagrams.ts";
import type {
  ConnectionId,
  CreateEngine,
  Engine,
  EngineEvent,
  ListenerId,
  ListenOutcome,
  Peer,
} from "../engine/engine.ts";
import { WorkerCounters } from "../pool/worker-counters.ts";
import { ConnectionCounts } from "../stats/connection-counts.ts";
import { AccessRecorder } from "./access-recorder.ts";
import { NoticeBox } from "./notice-box.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { OpenSession } from "./open-session.ts";
import { ServedBalancer, type ServedDeps } from "./served-balancer.ts";
import type { Stages } from "./stages.ts";
import { tcpFlow } from "./tcp-flow.ts";
import { backendTlsOf, clientTlsOf } from "./tls-ids.ts";
import { udpFlow, type UdpStages } from "./udp-flow.ts";
import type {
  Answer,
  BalancerKey,
  BalancerTerms,
  Command,
  ConnectionsOf,
  Listening,
  WorkerInit,
  WorkerReport,
} from "./worker-protocol.ts";

export interface TrafficWorkerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly createEngine: CreateEngine;
  readonly report: (report: WorkerReport) => void;
}

/** Whose clients come in by a listener, and where. */
interface Listener {
  readonly balancer: BalancerKey;
  readonly address: ClaimedAddress;
}

/**
 * What runs inside a worker thread: an engine, the balancers it serves, and the flow between them.
 * It knows nothing of discovery and health: the main thread sends it pools to elect from.
 */
export class TrafficWorker {
  readonly #deps: TrafficWorkerDeps;
  readonly #engine: Engine;
  readonly #counters: WorkerCounters;
  readonly #servedDeps: ServedDeps;
  readonly #stages: Stages;
  /** Undefined with a driver that has no UDP half. */
  readonly #udpStages: UdpStages | undefined;
  readonly #balancers = new Map<BalancerKey, ServedBalancer>();
  readonly #listeners = new Map<ListenerId, Listener>();
  readonly #connections = new Map<ConnectionId, OpenConnection>();
  readonly #sessions = new Map<SessionId, OpenSession>();
  readonly #notices: NoticeBox;
  readonly #access: AccessRecorder;
  #counting: Timer | undefined;

  constructor(deps: TrafficWorkerDeps, init: WorkerInit) {
    const { clock, report } = deps;
    this.#deps = deps;
    this.#counters = new WorkerCounters(init.memory, init.index);
    this.#servedDeps = {
      counters: this.#counters,
      worker: init.index,
      random: deps.random,
      nowMs: () => clock.monotonicMs(),
      onSkipped: (balancer, { backend, detail }) =>
        this.#notices.add({ kind: "backend-skipped", balancer, backend, detail, count: 1 }),
    };
    this.#notices = new NoticeBox({
      clock,
      send: (notices) => report({ tell: "notices", notices }),
    });
    this.#access = new AccessRecorder({
      clock,
      random: deps.random,
      send: (lines) => report({ tell: "access", lines }),
    });
    this.#engine = deps.createEngine({ clock, onEvents: (events) => this.#onEvents(events) });
    this.#stages = {
      engine: this.#engine,
      nowMs: this.#servedDeps.nowMs,
      counters: this.#counters,
      counts: new ConnectionCounts(this.#counters),
      notices: this.#notices,
      access: this.#access,
      placeOf: (listener, peer) => this.#placeOf(listener, peer),
      connections: this.#connections,
      balancerOf: (listener) => this.#balancerOf(listener),
    };
    const { datagrams } = this.#engine;
    this.#udpStages = datagrams && {
      ...this.#stages,
      relay: datagrams,
      sessions: this.#sessions,
    };
    report({ tell: "ready", driver: this.#engine.driver });
  }

  /** Commands take effect in the order they are handed in. */
  handle(command: Command): void {
    switch (command.do) {
      case "serve":
        return this.#answer(command.request)(this.#serve(command));
      case "swap-pool":
        return this.#swapPool(command);
      case "listen":
        return void this.#listen(command).then(this.#answer(command.request));
      case "seal":
        this.#engine.datagrams?.seal(command.listener);
        return this.#answer(command.request)(nothingTouched);
      case "unlisten":
        return void this.#unlisten(command).then(this.#answer(command.request));
      case "descriptors":
        return this.#answer(command.request)(this.#descriptors());
      case "cut":
        return this.#answer(command.request)(this.#cut(command));
      case "access-taken":
        return this.#access.taken();
      case "forget":
        return this.#forget(command.balancer);
      case "stop":
        return void this.#stop().then(this.#answer(command.request));
    }
  }

  #onEvents(events: readonly EngineEvent[]): void {
    for (const event of events) {
      if (!isDatagramEvent(event)) tcpFlow(this.#stages, event);
      else if (this.#udpStages !== undefined) udpFlow(this.#udpStages, event);
    }
    if (this.#isCarrying) this.#countSoon();
  }

  #balancerOf(listener: ListenerId): ServedBalancer | undefined {
    const found = this.#listeners.get(listener);
    return found && this.#balancers.get(found.balancer);
  }

  /** For people: a Unix socket has no address of its own in a peer. */
  #placeOf(listener: ListenerId, peer: Peer): string {
    const address = this.#listeners.get(listener)?.address;
    if (address?.kind === "unix") return `unix:${address.path}`;
    const { localAddress, localPort } = peer;
    return localAddress.includes(":")
      ? `[${localAddress}]:${localPort}`
      : `${localAddress}:${localPort}`;
  }

  #serve({ terms, pool }: Extract<Command, { do: "serve" }>): Answer {
    const known = this.#balancers.get(terms.key);
    this.#setTls(terms, known?.terms.tls?.version);
    if (known === undefined) {
      this.#balancers.set(terms.key, new ServedBalancer(this.#servedDeps, terms, pool));
    } else {
      known.serve(terms, pool);
      if (terms.udp !== undefined) this.#adjust(terms.key, terms.udp.listener);
    }
    return nothingTouched;
  }

  /** Replaces what is not the same as before; handshakes that began keep what they have. */
  #setTls({ key, tls }: BalancerTerms, knownVersion: number | undefined): void {
    if (tls === undefined || tls.version === knownVersion) return;
    const { clients, backends } = tls;
    const outcomes = [
      clients && this.#engine.setClientTls(clientTlsOf(key), clients),
      backends && this.#engine.setBackendTls(backendTlsOf(key), backends.terms),
    ];
    for (const outcome of outcomes) {
      if (outcome === undefined || outcome.ok) continue;
      const { code, detail } = outcome;
      this.#notices.add({ kind: "tls-refused", balancer: key, code, detail, count: 1 });
    }
  }

  #forget(key: BalancerKey): void {
    this.#balancers.delete(key);
    this.#engine.forgetTls(clientTlsOf(key));
    this.#engine.forgetTls(backendTlsOf(key));
  }

  #swapPool({ balancer, pool }: Extract<Command, { do: "swap-pool" }>): void {
    this.#balancers.get(balancer)?.swapPool(pool);
  }

  async #listen({
    listener,
    balancer,
    listening,
  }: Extract<Command, { do: "listen" }>): Promise<Answer> {
    // Before binding: a client may be there before the answer is.
    this.#listeners.set(listener, { balancer, address: addressOf(listening) });
    const outcome =
      listening.kind === "datagrams"
        ? await this.#bind(listener, balancer, listening.options)
        : await this.#engine.listen(listener, listening.options);
    if (!outcome.ok) this.#listeners.delete(listener);
    return { kind: "listened", outcome };
  }

  async #bind(
    listener: ListenerId,
    balancer: BalancerKey,
    options: Omit<BindOptions, "terms">,
  ): Promise<ListenOutcome> {
    const udp = this.#balancers.get(balancer)?.terms.udp;
    if (this.#engine.datagrams === undefined || udp === undefined) return noDatagrams;
    return this.#engine.datagrams.bind(listener, { ...options, terms: udp.listener });
  }

  /** The listeners of a balancer take datagrams in another way. */
  #adjust(balancer: BalancerKey, terms: ListenerTerms): void {
    for (const [listener, { balancer: owner, address }] of this.#listeners) {
      if (owner === balancer && address.kind === "udp") {
        this.#engine.datagrams?.adjust(listener, terms);
      }
    }
  }

  async #unlisten({
    listener,
    keepsAddress,
  }: Extract<Command, { do: "unlisten" }>): Promise<Answer> {
    const { balancer, address } = this.#listeners.get(listener) ?? {};
    if (address?.kind === "udp") return this.#unbind(listener, keepsAddress);
    await this.#engine.unlisten(listener, { keepsAddress });
    // Whoever was accepted in this turn of the loop is told of at its end, and is to be let in.
    if (keepsAddress) await nextTurn();
    else this.#listeners.delete(listener);
    const connections =
      balancer === undefined ? [] : this.#select({ balancer, listeners: [listener] });
    return { kind: "done", connections: connections.length };
  }

  /** Sessions end with the address that their clients ask, unless a successor serves it. */
  async #unbind(listener: ListenerId, keepsAddress: boolean): Promise<Answer> {
    const reason = keepsAddress ? "drained" : "removed";
    // First: who has arrived and was not told of yet would be forwarded by an engine that forgets it.
    this.#listeners.delete(listener);
    await this.#engine.datagrams?.unbind(listener, { keepsAddress, reason });
    return nothingTouched;
  }

  #descriptors(): Answer {
    const descriptors = [...this.#listeners].flatMap(([listener, { address }]) => {
      const half = address.kind === "udp" ? this.#engine.datagrams : this.#engine;
      const descriptor = half?.descriptorOf(listener);
      return descriptor === undefined ? [] : [{ listener, descriptor }];
    });
    return { kind: "descriptors", descriptors };
  }

  #cut({ which, how, reason }: Extract<Command, { do: "cut" }>): Answer {
    // A dial may yet fail and lead elsewhere.
    const isDialling = ({ stage }: OpenConnection): boolean =>
      which.backend !== undefined && stage === "dialling";
    const selected = this.#select(which);
    for (const connection of selected.filter(isDialling)) connection.isBackendLost = true;
    const connections = selected.filter((connection) => !isDialling(connection));
    for (const { id } of connections) this.#engine.close(id, how, reason);
    const sessions = this.#selectSessions(which);
    for (const { id } of sessions) this.#engine.datagrams?.end(id, reason);
    return { kind: "done", connections: connections.length + sessions.length };
  }

  async #stop(): Promise<Answer> {
    const connections = this.#connections.size + this.#sessions.size;
    await this.#engine.stop();
    this.#counting?.stop();
    this.#notices.stop();
    this.#access.stop();
    return { kind: "done", connections };
  }

  #select({ balancer, listeners, backend }: ConnectionsOf): readonly OpenConnection[] {
    return [...this.#connections.values()].filter(
      (connection) =>
        connection.isAdmitted &&
        connection.balancer.terms.key === balancer &&
        (backend === undefined || connection.backend?.name === backend) &&
        (listeners === "all" || listeners.includes(connection.listener)),
    );
  }

  #selectSessions({ balancer, listeners, backend }: ConnectionsOf): readonly OpenSession[] {
    return [...this.#sessions.values()].filter(
      (session) =>
        session.balancer.terms.key === balancer &&
        (backend === undefined || session.backend?.name === backend) &&
        (listeners === "all" || listeners.includes(session.listener)),
    );
  }

  /** Brings the counters up to date while connections are open, every `movedMs`. */
  #countSoon(): void {
    this.#counting ??= this.#deps.clock.after(movedMs, () => {
      this.#counting = undefined;
      for (const moved of this.#engine.takeMoved()) this.#count(moved);
      for (const moved of this.#engine.datagrams?.takeMoved() ?? []) this.#countSession(moved);
      if (this.#isCarrying) this.#countSoon();
    });
  }

  #count(moved: { connection: ConnectionId; rxBytes: number; txBytes: number }): void {
    const connection = this.#connections.get(moved.connection);
    if (connection?.backend === undefined) return;
    this.#stages.counts.moved(connection.backend.slot, connection, moved);
  }

  #countSession(moved: MovedDatagrams): void {
    const session = this.#sessions.get(moved.session);
    if (session?.backend === undefined) return;
    if (moved.rxBytes > session.rxBytes) this.#stages.counts.answered(session.backend.slot);
    this.#stages.counts.moved(session.backend.slot, session, moved);
  }

  get #isCarrying(): boolean {
    return this.#connections.size > 0 || this.#sessions.size > 0;
  }

  #answer(request: number): (answer: Answer) => void {
    return (answer) => this.#deps.report({ tell: "answer", request, answer });
  }
}

function addressOf({ kind, options }: Listening): ClaimedAddress {
  return kind === "datagrams" ? { kind: "udp", ...options.address } : options.address;
}

const nothingTouched: Answer = { kind: "done", connections: 0 };
const noDatagrams: ListenOutcome = {
  ok: false,
  code: "ENOTSUP",
  detail: "this worker relays no datagrams",
};
