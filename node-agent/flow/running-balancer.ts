import { durationMs } from "#shared/base/duration.ts";
import { drainGraceMs } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import type { FlowOutcome, TouchedConnections, VerifiedBalancer } from "../apply/flows.ts";
import type { InheritedAddress } from "../engine/address-claims.ts";
import type { PoolView } from "../pool/pool-view.ts";
import { within } from "../runtime/within.ts";
import { BalancerConnections } from "./balancer-connections.ts";
import {
  BalancerListeners,
  type BalancerListenersDeps,
  type ListenersChange,
} from "./balancer-listeners.ts";
import { BalancerNumbers } from "./balancer-numbers.ts";
import { BalancerPool, type BalancerPoolDeps } from "./balancer-pool.ts";
import { BalancerRemoval, untouched } from "./balancer-removal.ts";
import type { BalancerStatus } from "./balancer-status.ts";
import { DefinitionInForce, type DefinitionInForceDeps } from "./definition-in-force.ts";
import { RestoredListeners } from "./restored-listeners.ts";
import { UnservedCounts } from "./unserved-counts.ts";
import type { SpokenBinds } from "./wanted-binds.ts";
import type {
  BalancerKey,
  BalancerPlace,
  Command,
  ListeningSocket,
  Notice,
} from "./worker-protocol.ts";

export interface RunningBalancerDeps
  extends
    Omit<BalancerPoolDeps, "balancer" | "onView" | "onLost" | "onDrained">,
    Omit<BalancerListenersDeps, "balancer">,
    Omit<DefinitionInForceDeps, "onChanged"> {
  /** Nothing of it is left: no listener, no connection, no slot. */
  readonly onGone: (gone: GoneBalancer) => void;
}

/** What a balancer that has ended leaves behind. */
export interface GoneBalancer {
  readonly id: string;
  readonly key: BalancerKey;
  readonly rows: readonly TotalsRow[];
  /** Connections that were cut because their time was up. */
  readonly cut: number;
  /** False when it never came to serve. */
  readonly hasServed: boolean;
}

/** One balancer on the main thread: where it listens, whom it knows, and how it ends. */
export class RunningBalancer {
  readonly id: string;
  readonly #deps: RunningBalancerDeps;
  readonly #listeners: BalancerListeners;
  readonly #restored: RestoredListeners;
  readonly #connections: BalancerConnections;
  readonly #pool: BalancerPool;
  readonly #inForce: DefinitionInForce;
  readonly #numbers: BalancerNumbers;
  readonly #removal: BalancerRemoval;
  readonly #unserved = new UnservedCounts();
  readonly #gone = Promise.withResolvers<undefined>();
  #phase: "starting" | "serving" | "draining" | "gone" = "starting";
  #hasServed = false;

  constructor(deps: RunningBalancerDeps, place: BalancerPlace, balancer: VerifiedBalancer) {
    const { key, slot } = place;
    const { id } = balancer;
    this.id = id;
    this.#deps = deps;
    const onChanged = (): void => void this.#serveEverywhere();
    this.#inForce = new DefinitionInForce({ ...deps, onChanged }, place, balancer);
    this.#connections = new BalancerConnections(deps, place);
    this.#listeners = new BalancerListeners({ ...deps, balancer: key });
    const listen = this.#listeners.restore.bind(this.#listeners);
    this.#restored = new RestoredListeners({ ...deps, balancer: id, listen });
    this.#pool = this.#newPool(key);
    this.#numbers = new BalancerNumbers({ ...deps, id, slot, pool: this.#pool });
    const left = {
      ledger: deps.ledger,
      listeners: this.#listeners,
      connections: this.#connections,
      numbers: this.#numbers,
      table: this.#pool.table,
    };
    const onOver = (rows: readonly TotalsRow[]): void => this.#onOver(rows);
    this.#removal = new BalancerRemoval({ ...left, onOver }, place);
  }

  /** Where it is counted, and its number. */
  get place(): BalancerPlace {
    return this.#removal.place;
  }

  /** Where it listens. */
  get binds(): SpokenBinds {
    return { bind: this.#listeners.binds, protocol: this.#inForce.definition.protocol };
  }

  /**
   * Whether it is removed, and keeps addresses that somebody else would like to have for the time
   * that its sessions are given.
   */
  isInTheWayOf(binds: SpokenBinds): boolean {
    return this.#phase === "draining" && this.#listeners.meets(binds);
  }

  /** Ids of the stored certificates that it names. */
  get certificates(): readonly string[] {
    return this.#inForce.certificates;
  }

  /** Connections that a drain of all of them had to cut, so far. */
  get cutInTheEnd(): number {
    return this.#connections.cutInTheEnd;
  }

  /** Binds and serves. On failure nothing of it is left. */
  async start(): Promise<FlowOutcome> {
    try {
      const loaded = await this.#inForce.load();
      if (!loaded.ok) return { ok: false, problems: loaded.problems };
      loaded.commit();
      await this.#pool.start();
      await this.#serveEverywhere();
      const change = await this.#changeListeners(this.#inForce.definition);
      if (!change.ok) return { ok: false, problems: change.problems };
      this.#phase = "serving";
      this.#hasServed = true;
      return { ok: true, connections: untouched };
    } finally {
      if (!this.#hasServed) await this.#undone();
    }
  }

  /** Takes over another definition; on failure it runs on unchanged. */
  async update(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    const loaded = await this.#inForce.load(balancer);
    if (!loaded.ok) return { ok: false, problems: loaded.problems };
    const change = await this.#changeListeners(balancer.definition);
    if (!change.ok) return { ok: false, problems: change.problems };
    loaded.commit();
    await this.#changePool();
    await this.#serveEverywhere();
    const drainMs = durationMs(balancer.definition.drainTimeout);
    // Before anything is cut: what closes at once is not open any more afterwards.
    const { open } = this.#connections;
    const ended = await this.#connections.endThoseOf(change.closed, drainMs);
    const kept = Math.max(0, open - ended.drained - ended.cut);
    return { ok: true, connections: { ...ended, kept } };
  }

  /** Stored certificates have come or changed: sources that are shown one of them are asked anew. */
  async renewCertificates(): Promise<void> {
    if (this.#phase === "starting" || this.#phase === "serving") await this.#changePool();
  }

  /**
   * Stops listening, fetching and checking. Connections that are open get `drainTimeoutMs`, in the
   * background; `onGone` tells when the last one has closed. Called again, it can shorten the time.
   * `keepsAddresses` leaves them to a successor that listens on the same sockets.
   */
  async remove(
    drainTimeoutMs: number,
    how = { keepsAddresses: false },
  ): Promise<TouchedConnections> {
    this.#phase = "draining";
    this.#stopWatching();
    return this.#removal.begin(drainTimeoutMs, {
      ...how,
      endsWithListeners: this.#inForce.definition.protocol === "udp",
    });
  }

  /** Where it listens, with these sockets, for a successor to take over. */
  addresses(sockets: readonly ListeningSocket[]): readonly InheritedAddress[] {
    return this.#listeners.addresses(sockets);
  }

  /** Which of its backends are believed to live. */
  beliefs(): Readonly<Record<string, boolean>> {
    return this.#pool.beliefs();
  }

  /** Ends without asking the workers, which are no more: gives its addresses back. */
  abandon(): void {
    this.#phase = "gone";
    this.#stopWatching();
    this.#removal.abandon();
  }

  /** Tells a worker that replaces another one everything, and listens there. */
  async restore(worker: number): Promise<void> {
    if (this.#phase !== "starting" && this.#phase !== "serving") return;
    this.#deps.workers.post(worker, this.#served());
    await this.#restored.restore(worker);
  }

  /** A worker has noticed something of it. */
  onNotice(notice: Notice): void {
    this.#unserved.add(notice);
    if (notice.kind !== "dial-failed" || this.#phase !== "serving") return;
    this.#pool.onDialsFailed(notice.backend);
  }

  /** Drops backends that have left. To be called now and then. */
  sweep(): void {
    if (this.#phase === "serving") this.#pool.sweep();
  }

  /** Session tickets have another key. */
  renewTickets(): void {
    this.#inForce.renewTickets();
  }

  /** Takes a reading for the rates. To be called now and then. */
  measure(): void {
    this.#numbers.measure();
  }

  rows(): readonly TotalsRow[] {
    return this.#numbers.rows();
  }

  status(): BalancerStatus {
    const { name, protocol } = this.#inForce.definition;
    return {
      id: this.id,
      name,
      phase: this.#phase === "draining" ? "draining" : "serving",
      binds: this.#listeners.binds,
      protocol,
      openConnections: this.#connections.open,
      ...this.#numbers.shown(),
      sources: this.#pool.sources(),
      certificates: this.#inForce.certificatesStatus(),
      unserved: this.#unserved.read(),
    };
  }

  #newPool(key: BalancerKey): BalancerPool {
    const deps = {
      ...this.#deps,
      balancer: this.id,
      onView: (pool: PoolView) =>
        this.#deps.workers.broadcast({ do: "swap-pool", balancer: key, pool }),
      onLost: (backend: string) => void this.#cutThoseTo(backend),
      onDrained: (backend: string) => void this.#endThoseTo(backend),
    };
    return new BalancerPool(deps, this.#inForce.revealed);
  }

  #changePool(): Promise<void> {
    return this.#pool.change(this.#inForce.revealed);
  }

  #served(): Extract<Command, { do: "serve" }> {
    const terms = this.#inForce.terms();
    return { do: "serve", request: unasked, terms, pool: this.#pool.table.view() };
  }

  /** Resolves when the next client of any worker is served in the new way. */
  async #serveEverywhere(): Promise<void> {
    const served = this.#served();
    await this.#deps.workers.askAll((request) => ({ ...served, request }));
  }

  async #changeListeners(binds: SpokenBinds): Promise<ListenersChange> {
    const change = await this.#listeners.change(binds);
    if (!change.ok) await this.#connections.abortThoseOf(change.closed);
    return change;
  }

  /** Whoever was let in by a bind before another one failed is gone when this resolves. */
  async #undone(): Promise<void> {
    await this.remove(0);
    await within(this.#deps.clock, this.#gone.promise, { ms: drainGraceMs, otherwise: undefined });
  }

  async #cutThoseTo(backend: string): Promise<void> {
    const count = await this.#connections.cutThoseTo(backend);
    if (count > 0) this.#deps.tell({ kind: "connections.cut", balancer: this.id, backend, count });
  }

  async #endThoseTo(backend: string): Promise<void> {
    const cut = await this.#connections.endThoseTo(backend);
    this.#deps.tell({ kind: "backend.drained", balancer: this.id, backend, cut });
  }

  #stopWatching(): void {
    this.#pool.stop();
    this.#inForce.stop();
    this.#restored.stop();
  }

  /** All its slots are given back. */
  #onOver(rows: readonly TotalsRow[]): void {
    this.#phase = "gone";
    this.#stopWatching();
    this.#inForce.release();
    const { workers, onGone } = this.#deps;
    const { key } = this.place;
    workers.broadcast({ do: "forget", balancer: key });
    this.#gone.resolve(undefined);
    onGone({ id: this.id, key, rows, cut: this.cutInTheEnd, hasServed: this.#hasServed });
  }
}

/** The number of a request whose answer nobody waits for. */
const unasked = 0;
