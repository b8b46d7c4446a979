import { startAdmin, type AdminServer } from "../admin/admin-server.ts";
import { createMetrics } from "../admin/metrics.ts";
import type { RunConfig } from "../config.ts";
import type { AgentDeps } from "./agent-parts.ts";
import type { Agent } from "./start-agent.ts";

/** Opens the status port; undefined when none is wanted. */
export async function startStatusPort(
  { clock, log, life }: AgentDeps,
  { admin }: RunConfig,
  { status, dataPlane }: Pick<Agent, "status" | "dataPlane">,
): Promise<AdminServer | undefined> {
  if (admin === undefined) return undefined;
  const metrics = createMetrics({ status, totals: () => dataPlane.totals() });
  return life.own(await startAdmin({ source: { status, metrics }, clock, log }, admin));
}
