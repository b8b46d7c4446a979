import { randomUUID } from "node:crypto";
import { availableParallelism, hostname, platform, release } from "node:os";
import { join } from "node:path";

import type { Clock } from "#shared/base/clock.ts";
import type { Lifetime } from "#shared/base/lifetime.ts";
import { agentWorkersDefaultMax } from "#shared/base/limits.ts";
import { keyIdOf, privateKeyOf } from "#shared/snapshot/keys.ts";

import { startAdmin, type AdminServer } from "../admin/admin-server.ts";
import { createMetrics } from "../admin/metrics.ts";
import type { AgentStatus } from "../admin/status.ts";
import { Applier } from "../apply/applier.ts";
import type { Policy } from "../apply/policy.ts";
import type { RunConfig } from "../config.ts";
import { ControlLink } from "../control-link/control-link.ts";
import { linkAddress } from "../control-link/control-url.ts";
import { fetchSnapshot } from "../control-link/fetch-snapshot.ts";
import { openGenerations, type Generations } from "../control-link/generation.ts";
import type { Identity } from "../control-link/identity.ts";
import { createIntake, type Intake } from "../control-link/intake.ts";
import { openLinkSocket } from "../control-link/link-socket.ts";
import { createNodeSigner, type NodeSigner } from "../control-link/node-signer.ts";
import { createSnapshotKeeper } from "../control-link/snapshot-keeper.ts";
import { createSnapshotStore, type SnapshotStore } from "../control-link/snapshot-store.ts";
import type { SnapshotOwner } from "../control-link/verify-snapshot.ts";
import { createAddressClaims } from "../engine/address-claims.ts";
import { createDataPlane, type DataPlane } from "../flow/data-plane.ts";
import type { Disk } from "../runtime/disk.ts";
import type { Log } from "../runtime/log.ts";
import { createUsageMeter } from "../runtime/process-usage.ts";
import { createReporter, type Reporter } from "../stats/reporter.ts";
import { agentStatus } from "./agent-status.ts";
import { agentVersion } from "./agent-version.ts";
import { nodeEventOf } from "./node-events.ts";

export interface AgentDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly disk: Disk;
  readonly log: Log;
  /** Owns everything that is started here. */
  readonly life: Lifetime;
}

/** What the agent is made for. */
export interface AgentSettings {
  readonly config: RunConfig;
  readonly identity: Identity;
  readonly policy: Policy;
}

/** An agent whose parts are up; it serves nothing and speaks with nobody yet. */
export interface Agent {
  readonly dataPlane: DataPlane;
  readonly applier: Applier;
  readonly store: SnapshotStore;
  readonly intake: Intake;
  readonly reporter: Reporter;
  readonly link: ControlLink;
  readonly admin: AdminServer | undefined;
  status(): AgentStatus;
  /** From now on the agent says that it should get no new traffic. */
  beginDraining(): void;
}

/**
 * Puts the agent together. What a part needs of one that is made later it finds in `late`: events
 * can come before there is a link to tell them.
 *
 * @throws Fault `flow/workers-not-started`
 */
export async function startAgent(deps: AgentDeps, settings: AgentSettings): Promise<Agent> {
  const { clock, life, log } = deps;
  const late: Late = { link: undefined, isDraining: false };
  const dataPlane = life.own(await startDataPlane(deps, settings.config));
  const applier = life.own(createApplier(deps, settings.policy, { dataPlane, late }));
  const control = await openControlSide(deps, settings);
  const intake = createControlIntake(deps, { control, applier, late });
  const reporter = life.own(
    createReporter({
      clock,
      random: deps.random,
      newBootId: randomUUID,
      totals: () => dataPlane.totals(),
      send: (report) => late.link?.sendReport(report) ?? false,
    }),
  );
  const link = createLink(deps, settings, { control, intake, reporter, dataPlane });
  late.link = link;
  dataPlane.onEvent((event) => {
    const told = nodeEventOf(event);
    if (told !== undefined) link.report(told);
  });
  const { identity } = settings;
  const { store } = control;
  const status = (): AgentStatus =>
    agentStatus({
      draining: late.isDraining,
      uptimeMs: clock.monotonicMs(),
      driver: dataPlane.driver,
      identity,
      link: link.view(),
      reverted: store.reverted(),
      applied: applier.view(),
      balancers: dataPlane.status(),
    });
  const admin = await startStatusPort(deps, settings.config, { status, dataPlane });
  life.own(link);
  log.debug({ node: identity.node }, "parts are up");
  const beginDraining = (): void => {
    late.isDraining = true;
  };
  return { dataPlane, applier, store, intake, reporter, link, admin, status, beginDraining };
}

interface Late {
  link: ControlLink | undefined;
  isDraining: boolean;
}

function startDataPlane({ clock, random, log }: AgentDeps, config: RunConfig): Promise<DataPlane> {
  const workers = config.workers ?? Math.min(availableParallelism(), agentWorkersDefaultMax);
  const claims = createAddressClaims(process.platform);
  return createDataPlane({ clock, random, log, claims, workers });
}

function createApplier(
  { clock, random, log }: AgentDeps,
  policy: Policy,
  { dataPlane, late }: { readonly dataPlane: DataPlane; readonly late: Late },
): Applier {
  return new Applier({
    flows: dataPlane,
    terms: { policy, capabilities: dataPlane.capabilities },
    clock,
    random,
    log,
    onEvent: (event) => late.link?.report(event),
    onChange: (recovered, errors) => late.link?.fares(recovered, errors),
  });
}

/** What speaks for this node, and what it keeps on disk for that. */
interface ControlSide {
  readonly identity: Identity;
  readonly owner: SnapshotOwner;
  readonly store: SnapshotStore;
  readonly signer: NodeSigner;
  readonly generations: Generations;
  readonly ca: string | undefined;
}

async function openControlSide(
  { clock, disk }: AgentDeps,
  { config, identity }: AgentSettings,
): Promise<ControlSide> {
  const { tenant, group, signingKeys, ca } = identity;
  const trusted = new Map(signingKeys.map((key) => [keyIdOf(key), key]));
  const owner = { tenant, group, trusted };
  return {
    identity,
    owner,
    store: createSnapshotStore(disk, join(config.dataFolder, "snapshots"), owner),
    signer: createNodeSigner(clock, identity),
    generations: await openGenerations(disk, config.dataFolder, () => clock.nowMs()),
    ca: config.ca ?? ca ?? undefined,
  };
}

function createControlIntake(
  { clock, random, log, life }: AgentDeps,
  { control, applier, late }: { control: ControlSide; applier: Applier; late: Late },
): Intake {
  const { identity, owner, store, signer, generations, ca } = control;
  const onDurability = (durable: boolean, detail: string): void => {
    log.warn({ durable, detail }, durable ? "snapshots are on disk again" : "snapshot not on disk");
    late.link?.durability(durable);
    if (durable) return;
    late.link?.report({ kind: "snapshot.not-durable", balancer: null, backend: null, detail });
  };
  const keeper = life.own(createSnapshotKeeper({ store, clock, random, onDurability }));
  const source = {
    control: identity.control,
    ca,
    signer,
    generation: () => generations.current(),
  };
  const { publicKey, privateKey } = identity.receiving;
  const receiving = { publicKey, privateKey: privateKeyOf(privateKey) };
  return life.own(
    createIntake({
      owner,
      secrets: { node: identity.node, receiving, trusted: owner.trusted },
      store,
      keeper,
      fetch: (ref) => fetchSnapshot(source, ref),
      apply: (wanted) => applier.apply(wanted),
      clock,
      log,
    }),
  );
}

interface LinkParts {
  readonly control: ControlSide;
  readonly intake: Intake;
  readonly reporter: Reporter;
  readonly dataPlane: DataPlane;
}

function createLink(
  { clock, random, log }: AgentDeps,
  { identity }: AgentSettings,
  { control, intake, reporter, dataPlane }: LinkParts,
): ControlLink {
  const { signer, generations, ca } = control;
  const measured = createUsageMeter(clock);
  const connections = (): number =>
    dataPlane.status().reduce((sum, { openConnections }) => sum + openConnections, 0);
  return new ControlLink(
    {
      clock,
      random,
      log,
      openSocket: openLinkSocket,
      signer,
      generations,
      intake,
      reports: reporter,
      usage: () => ({ ...measured(), connections: connections() }),
    },
    {
      url: linkAddress(identity.control),
      ca,
      epochMin: identity.epoch,
      introduction: {
        agent: agentVersion,
        capabilities: [...dataPlane.capabilities],
        os: `${platform()} ${release()}`.slice(0, 100),
        hostname: hostname().slice(0, 255),
        labels: identity.labels,
      },
    },
  );
}

async function startStatusPort(
  { clock, log, life }: AgentDeps,
  { admin }: RunConfig,
  { status, dataPlane }: { status: () => AgentStatus; dataPlane: DataPlane },
): Promise<AdminServer | undefined> {
  if (admin === undefined) return undefined;
  const metrics = createMetrics({ status, totals: () => dataPlane.totals() });
  return life.own(await startAdmin({ source: { status, metrics }, clock, log }, admin));
}
