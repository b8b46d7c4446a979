import type { Clock } from "#shared/base/clock.ts";

import { isDatagramEvent, type SessionId } from "../engine/datagrams.ts";
import type { ConnectionId, CreateEngine, Engine, EngineEvent } from "../engine/engine.ts";
import { WorkerCounters } from "../pool/worker-counters.ts";
import { ConnectionCounts } from "../stats/connection-counts.ts";
import { AccessRecorder } from "./access-recorder.ts";
import { endDenied } from "./end-denied.ts";
import { MovementCounting } from "./movement-counting.ts";
import { NoticeBox } from "./notice-box.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { OpenSession } from "./open-session.ts";
import { ServedBalancer, type ServedDeps } from "./served-balancer.ts";
import type { Stages } from "./stages.ts";
import { tcpFlow } from "./tcp-flow.ts";
import { backendTlsOf, clientTlsOf } from "./tls-ids.ts";
import { udpFlow, type UdpStages } from "./udp-flow.ts";
import { WorkerListeners } from "./worker-listeners.ts";
import type {
  Answer,
  BalancerKey,
  BalancerTerms,
  Command,
  ConnectionsOf,
  WorkerInit,
  WorkerReport,
} from "./worker-protocol.ts";

export interface TrafficWorkerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly createEngine: CreateEngine;
  readonly report: (report: WorkerReport) => void;
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
  readonly #listeners: WorkerListeners;
  readonly #connections = new Map<ConnectionId, OpenConnection>();
  readonly #sessions = new Map<SessionId, OpenSession>();
  readonly #notices: NoticeBox;
  readonly #access: AccessRecorder;
  readonly #counting: MovementCounting;

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
    this.#listeners = new WorkerListeners({ engine: this.#engine, balancers: this.#balancers });
    const counts = new ConnectionCounts(this.#counters);
    this.#counting = new MovementCounting({
      clock,
      engine: this.#engine,
      counts,
      connections: this.#connections,
      sessions: this.#sessions,
    });
    this.#stages = {
      engine: this.#engine,
      nowMs: this.#servedDeps.nowMs,
      counters: this.#counters,
      counts,
      notices: this.#notices,
      access: this.#access,
      placeOf: (listener, peer) => this.#listeners.placeOf(listener, peer),
      connections: this.#connections,
      balancerOf: (listener) => this.#listeners.balancerOf(listener),
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
        this.#listeners.seal(command.listener);
        return this.#answer(command.request)(nothingTouched);
      case "unlisten":
        return void this.#unlisten(command).then(this.#answer(command.request));
      case "descriptors":
        return this.#answer(command.request)({
          kind: "descriptors",
          descriptors: this.#listeners.sockets(),
        });
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
    this.#counting.follow();
  }

  #serve({ terms, pool }: Extract<Command, { do: "serve" }>): Answer {
    const known = this.#balancers.get(terms.key);
    this.#setTls(terms, known?.terms.tls?.version);
    if (known === undefined) {
      this.#balancers.set(terms.key, new ServedBalancer(this.#servedDeps, terms, pool));
    } else {
      known.serve(terms, pool);
      if (terms.udp !== undefined) this.#listeners.adjust(terms.key, terms.udp.listener);
      if (this.#udpStages !== undefined) endDenied(this.#udpStages, known);
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

  async #listen(command: Extract<Command, { do: "listen" }>): Promise<Answer> {
    return { kind: "listened", outcome: await this.#listeners.listen(command) };
  }

  async #unlisten(command: Extract<Command, { do: "unlisten" }>): Promise<Answer> {
    const { listener } = command;
    const balancer = this.#listeners.ownerOf(listener);
    await this.#listeners.unlisten(command);
    const open =
      balancer === undefined ? [] : this.#connectionsOf({ balancer, listeners: [listener] });
    return { kind: "done", connections: open.length };
  }

  #cut({ which, how, reason }: Extract<Command, { do: "cut" }>): Answer {
    // A dial may yet fail and lead elsewhere.
    const isDialling = ({ stage }: OpenConnection): boolean =>
      which.backend !== undefined && stage === "dialling";
    const selected = this.#connectionsOf(which);
    for (const connection of selected.filter(isDialling)) connection.isBackendLost = true;
    const connections = selected.filter((connection) => !isDialling(connection));
    for (const { id } of connections) this.#engine.close(id, how, reason);
    const sessions = [...this.#sessions.values()].filter((session) => session.isAmong(which));
    for (const { id } of sessions) this.#engine.datagrams?.end(id, reason);
    return { kind: "done", connections: connections.length + sessions.length };
  }

  async #stop(): Promise<Answer> {
    const connections = this.#connections.size + this.#sessions.size;
    await this.#engine.stop();
    this.#counting.stop();
    this.#notices.stop();
    this.#access.stop();
    return { kind: "done", connections };
  }

  #connectionsOf(which: ConnectionsOf): readonly OpenConnection[] {
    return [...this.#connections.values()].filter(
      (connection) => connection.isAdmitted && connection.isAmong(which),
    );
  }

  #answer(request: number): (answer: Answer) => void {
    return (answer) => this.#deps.report({ tell: "answer", request, answer });
  }
}

const nothingTouched: Answer = { kind: "done", connections: 0 };
