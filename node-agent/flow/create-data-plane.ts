import type { Timer } from "#shared/base/clock.ts";
import { backendSweepMs, counterSlotsMax, drainGraceMs, ratesMs } from "#shared/base/limits.ts";
import { unsupportedBy, type Capability } from "#shared/definition/capability.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import type { FlowOutcome, FlowProblem, VerifiedBalancer } from "../apply/flows.ts";
import type { AddressClaims, InheritedAddress } from "../engine/address-claims.ts";
import type { EngineChoice } from "../engine/choose-engine.ts";
import type { Driver } from "../engine/engine.ts";
import { createCounterMemory } from "../pool/counter-memory.ts";
import { SlotLedger } from "../pool/slot-ledger.ts";
import type { AccessLog } from "../runtime/access-log.ts";
import type { Log } from "../runtime/log.ts";
import { CarriedTotals } from "../stats/carried-totals.ts";
import { BalancerBook } from "./balancer-book.ts";
import type { Beliefs } from "./balancer-pool.ts";
import type { BalancerStatus } from "./balancer-status.ts";
import { bindObstacles } from "./bind-obstacles.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";
import type { DataPlane, DrainHow, DrainOutcome } from "./data-plane.ts";
import { EventTeller } from "./event-teller.ts";
import { createNodeMeans, type NodeMeans, type NodeMeansDeps } from "./node-means.ts";
import {
  RunningBalancer,
  type GoneBalancer,
  type RunningBalancerDeps,
} from "./running-balancer.ts";
import { spawnThread, type SpawnWorker } from "./spawn-thread.ts";
import type { Notice } from "./worker-protocol.ts";
import { Workers, type LostWorker, type WorkersView } from "./workers.ts";

export interface DataPlaneDeps extends Omit<NodeMeansDeps, "onTicketsRenewed"> {
  readonly log: Log;
  readonly claims: AddressClaims;
  /** Worker threads; at least 1. */
  readonly workers: number;
  /** What moves the bytes in each of them. */
  readonly engine: EngineChoice;
  /** What the process before this one believed of its backends. */
  readonly beliefs?: Beliefs;
  /** Where lines of access logs go; none are written unless given. */
  readonly accessLog?: Pick<AccessLog, "take">;
  /** How a worker comes to be; a thread unless given. */
  readonly spawn?: SpawnWorker;
}

/**
 * Starts the workers and serves nothing yet.
 *
 * @throws Fault `flow/workers-not-started` when they are not ready in time; none is left running
 */
export async function createDataPlane(deps: DataPlaneDeps): Promise<DataPlane> {
  const plane = new WorkersDataPlane(deps);
  try {
    await plane.started();
    return plane;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

class WorkersDataPlane implements DataPlane {
  readonly name = "data plane";
  capabilities: ReadonlySet<Capability> = new Set();
  driver: Driver = "portable";
  readonly #deps: DataPlaneDeps;
  readonly #ledger: SlotLedger;
  readonly #workers: Workers;
  readonly #means: NodeMeans;
  readonly #carried = new CarriedTotals();
  readonly #events: EventTeller;
  readonly #timers: readonly Timer[];
  readonly #book: BalancerBook;
  readonly #endRenewals: (() => void) | undefined;
  #isStarted = false;
  #isHalted = false;

  constructor(deps: DataPlaneDeps) {
    const { clock, random, spawn = spawnThread } = deps;
    this.#deps = deps;
    this.#book = new BalancerBook(clock);
    this.#events = new EventTeller(deps.log);
    this.#means = createNodeMeans({
      ...deps,
      onTicketsRenewed: () => this.#each((balancer) => balancer.renewTickets()),
    });
    this.#ledger = new SlotLedger(createCounterMemory({ workers: deps.workers }));
    this.#workers = new Workers({
      clock,
      random,
      spawn,
      ledger: this.#ledger,
      engine: deps.engine,
      onNotices: (notices) => this.#onNotices(notices),
      onAccessLines: (lines) => deps.accessLog?.take(lines),
      onLost: (lost) => this.#onWorkerLost(lost),
      onReplaced: (worker) => this.#onWorkerReplaced(worker),
    });
    this.#endRenewals = deps.storedCertificates?.onChange((ids) => this.#onCertificates(ids));
    this.#timers = [
      clock.every(backendSweepMs, () => this.#each((balancer) => balancer.sweep())),
      clock.every(ratesMs, () => this.#each((balancer) => balancer.measure())),
    ];
  }

  async started(): Promise<void> {
    this.driver = await this.#workers.started();
    this.#isStarted = true;
    this.capabilities = capabilitiesOf(this.driver, {
      keepsCertificates: this.#deps.storedCertificates !== undefined,
    });
  }

  obstacles({ definition }: VerifiedBalancer): Promise<readonly FlowProblem[]> {
    const own = this.#book.open.map(({ binds }) => binds);
    return bindObstacles(this.#deps.claims, { wanted: definition, own });
  }

  async start(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    this.#book.mustBeNew(balancer.id);
    const problems = this.#unsupported(balancer);
    if (problems.length > 0) return { ok: false, problems };
    const slot = this.#ledger.allocate();
    if (slot === undefined) return { ok: false, problems: [noSlot] };
    await this.#makeWay(balancer);
    const deps = this.#balancerDeps();
    const running = this.#book.enter((key) => new RunningBalancer(deps, { key, slot }, balancer));
    const outcome = await running.start();
    if (outcome.ok) {
      this.#book.serves(running);
      this.#means.servedBefore.add([balancer.id]);
    }
    return outcome;
  }

  async update(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    const problems = this.#unsupported(balancer);
    if (problems.length > 0) return { ok: false, problems };
    await this.#makeWay(balancer);
    return this.#book.known(balancer.id).update(balancer);
  }

  async remove(id: string, drainTimeoutMs: number): Promise<FlowOutcome> {
    const running = this.#book.known(id);
    this.#book.retire(id);
    return { ok: true, connections: await running.remove(drainTimeoutMs) };
  }

  totals(): readonly TotalsRow[] {
    const rows = this.#book.open.flatMap((balancer) => balancer.rows());
    return this.#carried.merged(rows, this.#deps.clock.monotonicMs());
  }

  status(): readonly BalancerStatus[] {
    return this.#book.open.map((balancer) => balancer.status());
  }

  workers(): WorkersView {
    return this.#workers.view();
  }

  onEvent(listener: (event: DataPlaneEvent) => void): () => void {
    return this.#events.onEvent(listener);
  }

  async addresses(): Promise<readonly InheritedAddress[]> {
    const sockets = await this.#workers.sockets();
    return this.#book.open.flatMap((balancer) => balancer.addresses(sockets));
  }

  beliefs(): Beliefs {
    return Object.fromEntries(
      Array.from(this.#book.serving, ([id, balancer]) => [id, balancer.beliefs()]),
    );
  }

  async drain(timeoutMs: number, how: DrainHow = { keepsAddresses: false }): Promise<DrainOutcome> {
    const cutBefore = this.#book.cut;
    const open = this.status().reduce((sum, { openConnections }) => sum + openConnections, 0);
    this.#book.retireAll();
    await Promise.all(this.#book.open.map((balancer) => balancer.remove(timeoutMs, how)));
    await this.#book.empty(timeoutMs + drainGraceMs);
    return { open, cut: this.#book.cut - cutBefore };
  }

  async stop(): Promise<void> {
    this.#endRenewals?.();
    for (const timer of this.#timers) timer.stop();
    this.#means.stop();
    this.#each((balancer) => balancer.abandon());
    await this.#workers.stop();
  }

  #balancerDeps(): RunningBalancerDeps {
    const { clock, random, claims, accessLog, beliefs: inheritedBeliefs = {} } = this.#deps;
    return {
      ...this.#means,
      driver: this.driver,
      inheritedBeliefs,
      logsAccess: accessLog !== undefined,
      clock,
      random,
      claims,
      ledger: this.#ledger,
      workers: this.#workers,
      tell: (event) => this.#events.tell(event),
      onGone: (gone) => this.#onGone(gone),
    };
  }

  #onCertificates(ids: ReadonlySet<string>): void {
    this.#each((balancer) => {
      if (balancer.certificates.some((id) => ids.has(id))) void balancer.renewCertificates();
    });
  }

  #onGone(gone: GoneBalancer): void {
    const { id, rows, cut, hasServed } = gone;
    this.#book.strike(gone);
    // A start that failed leaves no row, unless clients had come in meanwhile.
    if (hasServed || rows.some(hasCounted)) {
      this.#carried.carry(rows, this.#deps.clock.monotonicMs());
    }
    if (hasServed) this.#events.tell({ kind: "balancer.drained", balancer: id, cut });
  }

  #onNotices(notices: readonly Notice[]): void {
    for (const notice of notices) {
      const balancer = this.#book.byKey(notice.balancer);
      if (balancer === undefined) continue;
      this.#events.notice(notice, balancer.id);
      balancer.onNotice(notice);
    }
  }

  #onWorkerLost({ worker, detail, held }: LostWorker): void {
    const clients = this.#book.open.map(({ place }) => held.get(place.slot.index) ?? 0);
    const connections = clients.reduce((sum, count) => sum + count, 0);
    this.#events.tell({ kind: "worker.lost", worker, connections, detail });
    if (!this.#isStarted || this.#isHalted || this.#workers.view().present > 0) return;
    this.#isHalted = true;
    this.#events.tell({ kind: "serving.halted", detail });
  }

  #onWorkerReplaced(worker: number): void {
    this.#each((balancer) => void balancer.restore(worker));
    this.#events.tell({ kind: "worker.replaced", worker });
    if (!this.#isHalted) return;
    this.#isHalted = false;
    this.#events.tell({ kind: "serving.resumed" });
  }

  #each(run: (balancer: RunningBalancer) => void): void {
    for (const balancer of this.#book.open) run(balancer);
  }

  /** Sessions that are given time keep an address; whoever comes after them does not wait. */
  async #makeWay({ definition }: VerifiedBalancer): Promise<void> {
    const inTheWay = this.#book.open.filter((balancer) => balancer.isInTheWayOf(definition));
    await Promise.all(inTheWay.map((balancer) => balancer.remove(0)));
  }

  #unsupported({ definition }: VerifiedBalancer): readonly FlowProblem[] {
    return unsupportedBy(definition, this.capabilities);
  }
}

const noSlot: FlowProblem = {
  pointer: "",
  code: "limit-reached",
  detail: `this node counts at most ${counterSlotsMax} balancers and backends`,
};

function hasCounted({ counters }: TotalsRow): boolean {
  return Object.values(counters).some((count) => count > 0);
}
