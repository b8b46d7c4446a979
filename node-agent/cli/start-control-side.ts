import { randomUUID } from "node:crypto";
import { hostname, platform, release } from "node:os";
import { join } from "node:path";

import type { TotalsRow } from "#shared/measures/interval.ts";
import { keyIdOf, privateKeyOf } from "#shared/snapshot/keys.ts";
import { healthCapability, type HealthArgs, type HealthResult } from "#shared/wire/health.ts";

import { agentVersion } from "../agent-version.ts";
import type { Applier } from "../apply/applier.ts";
import type { StoredCertificates } from "../certificates/stored-certificates.ts";
import { ControlLink, type ControlLinkDeps } from "../control-link/control-link.ts";
import { linkAddress } from "../control-link/control-url.ts";
import { fetchSnapshot } from "../control-link/fetch-snapshot.ts";
import { openGenerations, type Generations } from "../control-link/generation.ts";
import { answerHealth } from "../control-link/health-desk.ts";
import { Intake } from "../control-link/intake.ts";
import { openLinkSocket } from "../control-link/link-socket.ts";
import { createNodeSigner, type NodeSigner } from "../control-link/node-signer.ts";
import { PlanDesk } from "../control-link/plan-desk.ts";
import { createSnapshotKeeper, type SnapshotKeeper } from "../control-link/snapshot-keeper.ts";
import { createSnapshotStore, type SnapshotStore } from "../control-link/snapshot-store.ts";
import type { SnapshotOwner } from "../control-link/verify-snapshot.ts";
import { balancerHealth } from "../flow/balancer-health.ts";
import { createBalancerPlanner } from "../flow/balancer-planner.ts";
import type { DataPlane } from "../flow/data-plane.ts";
import { NameLookup } from "../runtime/name-lookup.ts";
import { createUsageMeter } from "../runtime/process-usage.ts";
import { createReporter, type Reporter } from "../stats/reporter.ts";
import type { AgentDeps, AgentSettings, LateParts } from "./agent-parts.ts";

/** Everything that speaks with the control plane, and what it keeps on disk. */
export interface ControlSide {
  readonly store: SnapshotStore;
  readonly intake: Intake;
  readonly reporter: Reporter;
  readonly link: ControlLink;
  readonly generations: Generations;
}

/** What the control side hands on and tells of. */
export interface ServingSide {
  readonly applier: Applier;
  readonly dataPlane: DataPlane;
  readonly certificates: StoredCertificates;
  readonly late: LateParts;
  /** Counters of everything that is served, also by the agent before this one. */
  readonly totals: () => readonly TotalsRow[];
}

/** Puts the control side together. It neither serves nor connects before it is told to. */
export async function startControlSide(
  deps: AgentDeps,
  settings: AgentSettings,
  serving: ServingSide,
): Promise<ControlSide> {
  const { clock, disk, life } = deps;
  const { config, identity } = settings;
  const { tenant, group, signingKeys } = identity;
  const owner = { tenant, group, trusted: new Map(signingKeys.map((key) => [keyIdOf(key), key])) };
  const store = createSnapshotStore(disk, join(config.dataFolder, "snapshots"), owner);
  const node: NodeParts = {
    owner,
    store,
    keeper: life.own(createKeeper(deps, store, serving.late)),
    signer: createNodeSigner(clock, identity),
    generations: await openGenerations(disk, config.dataFolder, clock),
    ca: config.ca ?? identity.ca ?? undefined,
  };
  const intake = life.own(createNodeIntake(deps, settings, { ...serving, node }));
  const reporter = life.own(createNodeReporter(deps, serving));
  const planDesk = life.own(createPlanDesk(deps, settings, { ...serving, owner }));
  const answer = answers(planDesk, serving.dataPlane);
  const link = createLink(deps, settings, { ...serving, node, intake, reporter, answer });
  return { store, intake, reporter, link, generations: node.generations };
}

interface NodeParts {
  readonly owner: SnapshotOwner;
  readonly store: SnapshotStore;
  readonly keeper: SnapshotKeeper;
  readonly signer: NodeSigner;
  readonly generations: Generations;
  readonly ca: string | undefined;
}

function createKeeper(
  { clock, random, log }: AgentDeps,
  store: SnapshotStore,
  late: LateParts,
): SnapshotKeeper {
  const onDurability = (durable: boolean, detail: string): void => {
    log.warn({ durable, detail }, durable ? "snapshots are on disk again" : "snapshot not on disk");
    late.link?.durability(durable);
    if (durable) return;
    late.link?.report({ kind: "snapshot.not-durable", balancer: null, backend: null, detail });
  };
  return createSnapshotKeeper({ store, clock, random, onDurability });
}

function createNodeIntake(
  { clock, log }: AgentDeps,
  { identity }: AgentSettings,
  { applier, node }: ServingSide & { readonly node: NodeParts },
): Intake {
  const { owner, store, keeper, signer, generations, ca } = node;
  const generation = (): number => generations.current();
  const source = { control: identity.control, ca, signer, generation };
  const { publicKey, privateKey } = identity.receiving;
  const receiving = { publicKey, privateKey: privateKeyOf(privateKey) };
  return new Intake({
    owner,
    secrets: { node: identity.node, receiving, trusted: owner.trusted },
    store,
    keeper,
    fetch: (ref) => fetchSnapshot(source, ref),
    apply: (wanted) => applier.apply(wanted),
    clock,
    log,
  });
}

function createNodeReporter({ clock, random }: AgentDeps, { totals, late }: ServingSide): Reporter {
  return createReporter({
    clock,
    random,
    newBootId: randomUUID,
    totals,
    send: (report) => late.link?.sendReport(report) ?? false,
  });
}

function createPlanDesk(
  { clock, log }: AgentDeps,
  { identity, policy }: AgentSettings,
  { applier, dataPlane, certificates, owner }: ServingSide & { readonly owner: SnapshotOwner },
): PlanDesk {
  const lookup = new NameLookup({ clock }).forSockets;
  const secretsOf = (id: string) => applier.view().running.get(id)?.secrets ?? new Map();
  const certificateOf = certificates.get.bind(certificates);
  const node = { dataPlane, secretsOf, certificateOf };
  const plan = createBalancerPlanner({ clock, policy, lookup, ...node });
  return new PlanDesk({ log, node: identity.node, trusted: owner.trusted, plan });
}

/** Who answers what the control plane asks. */
function answers(planDesk: PlanDesk, dataPlane: DataPlane): ControlLinkDeps["answer"] {
  const health = ({ balancer, backend }: HealthArgs): HealthResult | undefined => {
    const status = dataPlane
      .status()
      .find(({ id, phase }) => id === balancer && phase === "serving");
    return status && balancerHealth(status, backend);
  };
  return async (command) =>
    command.name === "health" ? answerHealth({ health }, command) : planDesk.answer(command);
}

interface LinkParts extends ServingSide {
  readonly node: NodeParts;
  readonly intake: Intake;
  readonly reporter: Reporter;
  readonly answer: ControlLinkDeps["answer"];
}

function createLink(
  { clock, random, log }: AgentDeps,
  { identity }: AgentSettings,
  { node, intake, reporter, answer, dataPlane }: LinkParts,
): ControlLink {
  const { signer, generations, ca } = node;
  const measured = createUsageMeter(clock);
  const connections = (): number =>
    dataPlane.status().reduce((sum, { openConnections }) => sum + openConnections, 0);
  const usage = () => ({ ...measured(), connections: connections() });
  const carrier = { clock, random, log, openSocket: openLinkSocket, signer, generations };
  return new ControlLink(
    { ...carrier, intake, answer, reports: reporter, usage },
    {
      url: linkAddress(identity.control),
      ca,
      epochMin: identity.epoch,
      introduction: {
        agent: agentVersion,
        capabilities: [...dataPlane.capabilities, healthCapability],
        os: `${platform()} ${release()}`.slice(0, 100),
        hostname: hostname().slice(0, 255),
        labels: identity.labels,
      },
    },
  );
}
