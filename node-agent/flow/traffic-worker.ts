import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { movedMs } from "#shared/base/limits.ts";

import { isDatagramEvent } from "../engine/datagrams.ts";
import type {
  Address,
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
import { ServedBalancer, type ServedDeps } from "./served-balancer.ts";
import type { Stages } from "./stages.ts";
import { tcpFlow } from "./tcp-flow.ts";
import type {
  Answer,
  BalancerKey,
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

/** Whose clients come in by a listener, and where. */
interface Listener {
  readonly balancer: BalancerKey;
  readonly address: Address;
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
  readonly #balancers = new Map<BalancerKey, ServedBalancer>();
  readonly #listeners = new Map<ListenerId, Listener>();
  readonly #connections = new Map<ConnectionId, OpenConnection>();
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
      counters: this.#counters,
      counts: new ConnectionCounts(this.#counters),
      notices: this.#notices,
      access: this.#access,
      placeOf: (listener, peer) => this.#placeOf(listener, peer),
      connections: this.#connections,
      balancerOf: (listener) => this.#balancerOf(listener),
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
      case "unlisten":
        return void this.#unlisten(command).then(this.#answer(command.request));
      case "descriptors":
        return this.#answer(command.request)(this.#descriptors());
      case "cut":
        return this.#answer(command.request)(this.#cut(command));
      case "access-taken":
        return this.#access.taken();
      case "forget":
        return void this.#balancers.delete(command.balancer);
      case "stop":
        return void this.#stop().then(this.#answer(command.request));
    }
  }

  #onEvents(events: readonly EngineEvent[]): void {
    for (const event of events) {
      // Nothing is bound for datagrams yet.
      if (!isDatagramEvent(event)) tcpFlow(this.#stages, event);
    }
    if (this.#connections.size > 0) this.#countSoon();
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
    if (known === undefined) {
      this.#balancers.set(terms.key, new ServedBalancer(this.#servedDeps, terms, pool));
    } else {
      known.serve(terms, pool);
    }
    return { kind: "done", connections: 0 };
  }

  #swapPool({ balancer, pool }: Extract<Command, { do: "swap-pool" }>): void {
    this.#balancers.get(balancer)?.swapPool(pool);
  }

  async #listen({
    listener,
    balancer,
    options,
  }: Extract<Command, { do: "listen" }>): Promise<Answer> {
    // Before binding: a client may be there before the answer is.
    this.#listeners.set(listener, { balancer, address: options.address });
    const outcome: ListenOutcome = await this.#engine.listen(listener, options);
    if (!outcome.ok) this.#listeners.delete(listener);
    return { kind: "listened", outcome };
  }

  async #unlisten({
    listener,
    keepsAddress,
  }: Extract<Command, { do: "unlisten" }>): Promise<Answer> {
    const balancer = this.#listeners.get(listener)?.balancer;
    await this.#engine.unlisten(listener, { keepsAddress });
    // Whoever was accepted in this turn of the loop is told of at its end, and is to be let in.
    if (keepsAddress) await nextTurn();
    else this.#listeners.delete(listener);
    const connections =
      balancer === undefined ? [] : this.#select({ balancer, listeners: [listener] });
    return { kind: "done", connections: connections.length };
  }

  #descriptors(): Answer {
    const descriptors = [...this.#listeners.keys()].flatMap((listener) => {
      const descriptor = this.#engine.descriptorOf(listener);
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
    return { kind: "done", connections: connections.length };
  }

  async #stop(): Promise<Answer> {
    const connections = this.#connections.size;
    await this.#engine.stop();
    this.#counting?.stop();
    this.#notices.stop();
    this.#access.stop();
    return { kind: "done", connections };
  }

  #select({ balancer, listeners, backend }: ConnectionsOf): readonly OpenConnection[] {
    return [...this.#connections.values()].filter(
      (connection) =>
        connection.stage !== "arriving" &&
        connection.balancer.terms.key === balancer &&
        (backend === undefined || connection.backend?.name === backend) &&
        (listeners === "all" || listeners.includes(connection.listener)),
    );
  }

  /** Brings the counters up to date while connections are open, every `movedMs`. */
  #countSoon(): void {
    this.#counting ??= this.#deps.clock.after(movedMs, () => {
      this.#counting = undefined;
      for (const moved of this.#engine.takeMoved()) this.#count(moved);
      if (this.#connections.size > 0) this.#countSoon();
    });
  }

  #count(moved: { connection: ConnectionId; rxBytes: number; txBytes: number }): void {
    const connection = this.#connections.get(moved.connection);
    if (connection?.backend === undefined) return;
    this.#stages.counts.moved(connection.backend.slot, connection, moved);
  }

  #answer(request: number): (answer: Answer) => void {
    return (answer) => this.#deps.report({ tell: "answer", request, answer });
  }
}
