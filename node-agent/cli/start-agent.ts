import { availableParallelism } from "node:os";

import { agentWorkersDefaultMax } from "#shared/base/limits.ts";
import type { TotalsRow } from "#shared/measures/interval.ts";

import type { AgentStatus } from "../admin/status.ts";
import { Applier } from "../apply/applier.ts";
import { CertificateStore } from "../certificates/certificate-store.ts";
import { rememberedFolder } from "../discover/remembered-folder.ts";
import { SourceMemory } from "../discover/source-memory.ts";
import { createAddressClaims, type AddressClaims } from "../engine/address-claims.ts";
import { createDataPlane } from "../flow/create-data-plane.ts";
import type { DataPlane } from "../flow/data-plane.ts";
import { ServedBefore } from "../flow/served-before.ts";
import type { AccessCounts } from "../runtime/access-log.ts";
import { processAgeMs } from "../runtime/process-usage.ts";
import type { AgentDeps, AgentSettings, LateParts } from "./agent-parts.ts";
import { agentStatus } from "./agent-status.ts";
import { inheritedAddresses } from "./inheritance.ts";
import { nodeEventOf } from "./node-events.ts";
import { startControlSide, type ControlSide } from "./start-control-side.ts";
import { Succession } from "./succession.ts";

/** An agent whose parts are up; it serves nothing and speaks with nobody yet. */
export interface Agent extends ControlSide {
  readonly dataPlane: DataPlane;
  readonly applier: Applier;
  readonly claims: AddressClaims;
  readonly sourceMemory: SourceMemory;
  readonly servedBefore: ServedBefore;
  readonly succession: Succession;
  /** Counters as they stand, the predecessor's included. */
  totals(): readonly TotalsRow[];
  status(): AgentStatus;
  /** From now on the agent says that it should get no new traffic. */
  beginDraining(): void;
}

/**
 * Puts the agent together, in the order in which its parts need each other; the link comes last, so
 * that at the end it is the first to go and says goodbye while everything it tells of is there.
 *
 * @throws Fault `flow/workers-not-started`
 */
export async function startAgent(deps: AgentDeps, settings: AgentSettings): Promise<Agent> {
  const { life } = deps;
  const { inheritance } = settings;
  const late: LateParts = { link: undefined };
  const addresses = inheritance === undefined ? [] : inheritedAddresses(inheritance.estate);
  const claims = createAddressClaims(process.platform, addresses);
  const certificates = new CertificateStore();
  const sourceMemory = life.own(createSourceMemory(deps, settings));
  const servedBefore = new ServedBefore();
  const kept = { claims, certificates, sourceMemory, servedBefore };
  const dataPlane = life.own(await startDataPlane(deps, settings, kept));
  const applier = life.own(createApplier(deps, settings, { ...kept, dataPlane, late }));
  const succession = new Succession(deps.clock, inheritance?.estate);
  const totals = () => succession.withPredecessor(dataPlane.totals());
  const serving = { dataPlane, applier, certificates, late, totals };
  const control = await startControlSide(deps, settings, serving);
  const { link } = control;
  late.link = link;
  dataPlane.onEvent((event) => {
    const told = nodeEventOf(event);
    if (told !== undefined) link.report(told);
  });
  let draining = false;
  const parts = { ...control, ...kept, dataPlane, applier, succession, totals };
  const accessLog = deps.accessLog?.counts.bind(deps.accessLog);
  const status = (): AgentStatus => statusOf(settings, { ...parts, draining, accessLog });
  life.own(link);
  return { ...parts, status, beginDraining: () => void (draining = true) };
}

function createSourceMemory(
  { clock, disk, log }: AgentDeps,
  { config, identity }: AgentSettings,
): SourceMemory {
  const path = rememberedFolder(config.dataFolder);
  return new SourceMemory(clock, { disk, log, path, node: identity.node });
}

/** What outlives the balancers that it is of. */
interface KeptParts {
  readonly claims: AddressClaims;
  readonly certificates: CertificateStore;
  readonly sourceMemory: SourceMemory;
  readonly servedBefore: ServedBefore;
}

function startDataPlane(
  { clock, random, log, accessLog }: AgentDeps,
  { config, engine, inheritance }: AgentSettings,
  { claims, certificates, sourceMemory, servedBefore }: KeptParts,
): Promise<DataPlane> {
  const workers = config.workers ?? Math.min(availableParallelism(), agentWorkersDefaultMax);
  const beliefs = inheritance?.estate.beliefs ?? {};
  return createDataPlane({
    ...{ clock, random, log, claims, workers, engine, beliefs },
    storedCertificates: certificates,
    sourceMemory,
    servedBefore,
    ...(accessLog === undefined ? {} : { accessLog }),
  });
}

interface AppliedTo extends KeptParts {
  readonly dataPlane: DataPlane;
  readonly late: LateParts;
}

function createApplier(
  { clock, random, log }: AgentDeps,
  { policy }: AgentSettings,
  { dataPlane, certificates, sourceMemory, servedBefore, late }: AppliedTo,
): Applier {
  return new Applier({
    flows: dataPlane,
    certificates,
    terms: { policy, capabilities: dataPlane.capabilities },
    clock,
    random,
    log,
    onEvent: (event) => late.link?.report(event),
    onWanted: (balancers) => {
      sourceMemory.keepOnly(balancers);
      servedBefore.keepOnly(balancers);
    },
    onChange: (recovered, errors) => late.link?.fares(recovered, errors),
  });
}

interface WatchedParts extends ControlSide {
  readonly dataPlane: DataPlane;
  readonly applier: Applier;
  readonly succession: Succession;
  readonly draining: boolean;
  readonly accessLog: (() => AccessCounts) | undefined;
}

function statusOf(
  { identity }: AgentSettings,
  { draining, accessLog, dataPlane, applier, link, store, succession }: WatchedParts,
): AgentStatus {
  return agentStatus({
    draining,
    accessLog: accessLog?.() ?? null,
    restarts: succession.view(),
    uptimeMs: processAgeMs(),
    driver: dataPlane.driver,
    workers: dataPlane.workers(),
    identity,
    link: link.view(),
    reverted: store.reverted(),
    applied: applier.view(),
    balancers: dataPlane.status(),
  });
}
