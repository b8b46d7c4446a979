import { isDeepStrictEqual } from "node:util";

import { firstDiscoveryMsMax } from "#shared/base/limits.ts";
import type { Backend } from "#shared/definition/backend.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { sourcesOf } from "#shared/definition/discovery/discovery.ts";

import { BalancerDiscovery, type Discovering } from "../discover/balancer-discovery.ts";
import type { FetchRooms } from "../discover/fetch-room.ts";
import { isRemembered } from "../discover/known-before.ts";
import type { SourceMemory } from "../discover/source-memory.ts";
import type { SourceStatus } from "../discover/source-status.ts";
import { withManaged } from "../discover/with-managed.ts";
import { createChecking, isLiveAtFirst } from "../health/create-checking.ts";
import { DialEjection, type EjectedBackend } from "../health/dial-ejection.ts";
import { HealthMonitor, type CheckedBackend, type HealthFlip } from "../health/health-monitor.ts";
import type { CheckResult, NodeChecks } from "../health/node-checks.ts";
import type { ProbeDeps } from "../health/probe-of.ts";
import { BackendTable } from "../pool/backend-table.ts";
import { isOffered } from "../pool/usable-entries.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";
import { ViewPublisher, type ViewPublisherDeps } from "./view-publisher.ts";

/** Which backends are believed to live, by balancer. */
export type Beliefs = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

export interface BalancerPoolDeps extends Omit<
  ViewPublisherDeps,
  "table" | "cutsLost" | "onPanicChanged"
> {
  readonly random: () => number;
  readonly checks: NodeChecks;
  readonly probes: ProbeDeps;
  readonly rooms: FetchRooms;
  /** What the sources of this node's balancers named last. */
  readonly sourceMemory: SourceMemory;
  /** The balancer's id, for what is told. */
  readonly balancer: string;
  readonly tell: (event: DataPlaneEvent) => void;
  /** What the process before this one believed of its backends, by balancer. */
  readonly inheritedBeliefs: Beliefs;
}

/** What a balancer knows of its backends: discovery and checks fill the table, views come out. */
export class BalancerPool {
  readonly table: BackendTable;
  readonly #deps: BalancerPoolDeps;
  readonly #health: HealthMonitor;
  readonly #ejection: DialEjection;
  readonly #views: ViewPublisher;
  #found: readonly Backend[] | undefined;
  #definition: Balancer;
  readonly #discovery: BalancerDiscovery;
  /** Once it is settled, what is remembered of the sources is there. */
  #recalled: Promise<void> | undefined;
  #hasStopped = false;

  constructor(deps: BalancerPoolDeps, definition: Balancer) {
    const { clock, checks, probes } = deps;
    this.#deps = deps;
    this.#definition = definition;
    this.table = new BackendTable({ ledger: deps.ledger, clock });
    this.#views = new ViewPublisher({
      ...deps,
      table: this.table,
      cutsLost: () => this.#definition.cutOnBackendLoss === true,
      onPanicChanged: () => this.#tellPanic(),
    });
    this.#discovery = new BalancerDiscovery({
      clock,
      random: deps.random,
      lookup: probes.lookup,
      rooms: deps.rooms,
      memory: deps.sourceMemory.of(deps.balancer),
      onBackends: (backends) => this.#onFound(backends),
      onEvent: (event, { pointer: source, kind: sourceKind }) => {
        const { balancer, tell } = deps;
        tell({ ...event, balancer, source, sourceKind });
      },
    });
    const onFlip = (flip: HealthFlip): void => this.#onFlip(flip);
    const onAllKnown = (): void => this.#panicOnlyWhenKnown();
    const checking = createChecking(probes, definition.healthcheck);
    this.#health = new HealthMonitor({ checks, onFlip, onAllKnown }, checking);
    const onEject = (ejected: EjectedBackend): void => this.#onEject(ejected);
    const onReadmit = (backend: string): void => this.#onReadmit(backend);
    this.#ejection = new DialEjection({ clock, onEject, onReadmit }, definition.ejection);
  }

  /**
   * Resolves when the sources have answered or failed, or with what is remembered of them after
   * `firstDiscoveryMsMax`.
   */
  async start(): Promise<void> {
    this.#merge();
    await this.#discover();
    this.#views.now();
  }

  /** Takes over another definition; what is known of the backends stays. Resolves as `start` does. */
  async change(definition: Balancer): Promise<void> {
    const before = this.#definition;
    this.#definition = definition;
    if (!isDeepStrictEqual(before.healthcheck, definition.healthcheck)) this.#changeChecks();
    this.#ejection.configure(definition.ejection);
    this.#merge();
    if (!isDiscoveredAlike(before, definition)) await this.#discover();
    this.#views.now();
  }

  /** Dials to a backend have failed; how many in a row stands in the counters. */
  onDialsFailed(backend: string): void {
    const entry = this.table.entry(backend);
    if (entry === undefined) return;
    this.#ejection.onFailures(backend, this.#deps.ledger.dialFailures(entry.slot));
  }

  /** The last results of a backend's checks, newest first. */
  checkResults(backend: string): readonly CheckResult[] {
    return this.#health.results(backend);
  }

  /** Drops backends that are neither discovered nor in use. To be called now and then. */
  sweep(): void {
    const { dropped } = this.table.sweep();
    if (dropped.length === 0) return;
    this.#syncChecks();
    this.#tellChanged([], dropped);
  }

  /** Which backends are believed to live. */
  beliefs(): Readonly<Record<string, boolean>> {
    return Object.fromEntries(this.table.entries().map(({ name, isLive }) => [name, isLive]));
  }

  /** How its sources are, in their order. */
  sources(): readonly SourceStatus[] {
    return this.#discovery.status();
  }

  /** Stops looking: no fetch, no check, no new view. */
  stop(): void {
    this.#hasStopped = true;
    this.#discovery.stop();
    this.#health.stop();
    this.#ejection.stop();
    this.#views.stop();
  }

  /** A definition without sources that can fail is not worth a look at the disk. */
  async #recall(): Promise<void> {
    const { sourceMemory, balancer } = this.#deps;
    const isFound = sourcesOf(this.#definition.discovery).some(({ source }) =>
      isRemembered(source),
    );
    if (isFound) await sourceMemory.open(balancer);
  }

  async #discover(): Promise<void> {
    this.#recalled ??= this.#recall();
    await this.#recalled;
    if (this.#hasStopped) return;
    const { clock } = this.#deps;
    const late = Promise.withResolvers<undefined>();
    const timer = clock.after(firstDiscoveryMsMax, () => late.resolve(undefined));
    const changed = this.#discovery.change(this.#definition);
    await Promise.race([changed, late.promise]).finally(() => timer.stop());
  }

  #onFound(backends: readonly Backend[]): void {
    this.#found = backends;
    this.#merge();
  }

  /** As long as no source has named anything and nothing is managed, there is nothing to merge. */
  #merge(): void {
    if (this.#found === undefined && this.#definition.managedBackends === undefined) return;
    const backends = withManaged(this.#found ?? [], this.#definition);
    const { added, removed, leftOut } = this.table.deliver(backends, this.#isNewLive());
    this.#believe(added);
    this.#syncChecks();
    this.#tellChanged(added, removed);
    const { balancer, tell } = this.#deps;
    if (leftOut > 0) tell({ kind: "backends.left-out", balancer, count: leftOut });
    this.#views.soon();
  }

  /** A backend that was known to be down is not tried anew because the process is another one. */
  #believe(added: readonly string[]): void {
    const { balancer, inheritedBeliefs } = this.#deps;
    const believed = new Map(Object.entries(inheritedBeliefs[balancer] ?? {}));
    for (const name of added) this.table.setLive(name, believed.get(name) ?? this.#isNewLive());
  }

  #isNewLive(): boolean {
    return isLiveAtFirst(this.#definition.healthcheck);
  }

  #changeChecks(): void {
    const { healthcheck } = this.#definition;
    // Nobody would ever bring a backend back that nobody checks.
    if (healthcheck.kind === "none") {
      for (const entry of this.table.entries()) this.table.setLive(entry.name, true);
    }
    this.#health.configure(createChecking(this.#deps.probes, healthcheck), this.#checked());
    this.#panicOnlyWhenKnown();
  }

  /** What was never checked is not unhealthy: as long as there is such a backend, nobody panics. */
  #panicOnlyWhenKnown(): void {
    const { healthcheck } = this.#definition;
    const percent = healthcheck.kind === "none" ? undefined : healthcheck.panicBelowPercent;
    this.table.panicBelow(this.#health.areAllKnown ? (percent ?? 0) : 0);
    this.#views.soon();
  }

  #onEject({ backend, failures, forMs }: EjectedBackend): void {
    if (!this.table.setEjected(backend, true)) return;
    const { balancer, tell } = this.#deps;
    tell({ kind: "ejection.started", balancer, backend, failures, forMs });
    this.#views.soon();
  }

  #onReadmit(backend: string): void {
    const entry = this.table.entry(backend);
    if (entry === undefined || !this.table.setEjected(backend, false)) return;
    const { balancer, tell, ledger } = this.#deps;
    ledger.forgiveDials(entry.slot);
    tell({ kind: "ejection.ended", balancer, backend });
    this.#views.soon();
  }

  #onFlip({ backend, isHealthy, why }: HealthFlip): void {
    if (!this.table.setLive(backend, isHealthy)) return;
    const { balancer, tell } = this.#deps;
    tell({ kind: isHealthy ? "backend.up" : "backend.down", balancer, backend, detail: why });
    this.#views.soon();
  }

  /** Backends that have vanished are checked as long as they have connections. */
  #syncChecks(): void {
    this.#health.sync(this.#checked());
    this.#ejection.keep(new Set(this.table.entries().map(({ name }) => name)));
    this.#panicOnlyWhenKnown();
  }

  #checked(): readonly CheckedBackend[] {
    return this.table.entries().map(({ name, backend, isLive }) => ({
      name,
      host: backend.host,
      port: backend.port,
      isLive,
    }));
  }

  #tellChanged(added: readonly string[], removed: readonly string[]): void {
    if (added.length === 0 && removed.length === 0) return;
    const { balancer, tell } = this.#deps;
    tell({ kind: "backends.changed", balancer, added, removed });
  }

  #tellPanic(): void {
    const { balancer, tell } = this.#deps;
    const { isPanic } = this.table;
    const backends = this.table.entries().filter(isOffered);
    const healthy = backends.filter(({ isLive }) => isLive).length;
    const kind = isPanic ? "panic.started" : "panic.ended";
    tell({ kind, balancer, healthy, backends: backends.length });
  }
}

/** What they speak and where they listen says which backends an answer has. */
function isDiscoveredAlike(one: Discovering, other: Discovering): boolean {
  const discovering = ({ discovery, protocol, bind }: Discovering) => [discovery, protocol, bind];
  return isDeepStrictEqual(discovering(one), discovering(other));
}
