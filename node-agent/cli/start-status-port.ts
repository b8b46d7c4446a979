import { startAdmin, type AdminServer } from "../admin/admin-server.ts";
import { createMetrics } from "../admin/metrics.ts";
import type { RunConfig } from "../config.ts";
import type { AgentDeps } from "./agent-parts.ts";
import type { Agent } from "./start-agent.ts";

export interface StatusPortSource extends Pick<Agent, "status" | "totals"> {
  /** The port's listening socket, of the agent before this one. */
  readonly inherited: number | undefined;
}

/** Opens the status port; undefined when none is wanted. */
export async function startStatusPort(
  { clock, log, life }: AgentDeps,
  { admin }: RunConfig,
  { status, totals, inherited }: StatusPortSource,
): Promise<AdminServer | undefined> {
  if (admin === undefined) return undefined;
  const metrics = createMetrics({ status, totals });
  return life.own(await startAdmin({ source: { status, metrics }, clock, log }, admin, inherited));
}
