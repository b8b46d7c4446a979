import { availableParallelism } from "node:os";

import { agentWorkersDefaultMax } from "#shared/base/limits.ts";

import type { AgentStatus } from "../admin/status.ts";
import { Applier } from "../apply/applier.ts";
import { createAddressClaims } from "../engine/address-claims.ts";
import { createDataPlane, type DataPlane } from "../flow/data-plane.ts";
import { processAgeMs } from "../runtime/process-usage.ts";
import type { AgentDeps, AgentSettings, LateParts } from "./agent-parts.ts";
import { agentStatus } from "./agent-status.ts";
import { nodeEventOf } from "./node-events.ts";
import { startControlSide, type ControlSide } from "./start-control-side.ts";

/** An agent whose parts are up; it serves nothing and speaks with nobody yet. */
export interface Agent extends ControlSide {
  readonly dataPlane: DataPlane;
  readonly applier: Applier;
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
  const late: LateParts = { link: undefined };
  const dataPlane = life.own(await startDataPlane(deps, settings));
  const applier = life.own(createApplier(deps, settings, { dataPlane, late }));
  const control = await startControlSide(deps, settings, { dataPlane, applier, late });
  const { link } = control;
  late.link = link;
  dataPlane.onEvent((event) => {
    const told = nodeEventOf(event);
    if (told !== undefined) link.report(told);
  });
  let draining = false;
  const parts = { ...control, dataPlane, applier };
  const status = (): AgentStatus => statusOf(settings, { ...parts, draining });
  life.own(link);
  return { ...parts, status, beginDraining: () => void (draining = true) };
}

function startDataPlane(
  { clock, random, log }: AgentDeps,
  { config, engine }: AgentSettings,
): Promise<DataPlane> {
  const workers = config.workers ?? Math.min(availableParallelism(), agentWorkersDefaultMax);
  const claims = createAddressClaims(process.platform);
  return createDataPlane({ clock, random, log, claims, workers, engine });
}

function createApplier(
  { clock, random, log }: AgentDeps,
  { policy }: AgentSettings,
  { dataPlane, late }: { readonly dataPlane: DataPlane; readonly late: LateParts },
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

interface WatchedParts extends ControlSide {
  readonly dataPlane: DataPlane;
  readonly applier: Applier;
  readonly draining: boolean;
}

function statusOf(
  { identity }: AgentSettings,
  { draining, dataPlane, applier, link, store }: WatchedParts,
): AgentStatus {
  return agentStatus({
    draining,
    uptimeMs: processAgeMs(),
    driver: dataPlane.driver,
    identity,
    link: link.view(),
    reverted: store.reverted(),
    applied: applier.view(),
    balancers: dataPlane.status(),
  });
}
