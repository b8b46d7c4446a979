import { reconnectMsMax } from "#shared/base/limits.ts";

import { joinNode, startAgent, type AgentProcess } from "./agent-process.ts";
import { eventually, patienceMs } from "./eventually.ts";
import type { Cleanup } from "./processes.ts";
import { onlyNode } from "./served-balancers.ts";
import type { TestTenant } from "./tenant-api.ts";

/** A new node of a tenant that has no other, running, and heard by the control plane. */
export async function startLinkedAgent(
  cleanup: Cleanup,
  control: { readonly url: string },
  tenant: TestTenant,
): Promise<AgentProcess> {
  const agent = await startAgent(cleanup, await joinNode(cleanup, control, tenant));
  await nodeIsConnected(tenant);
  return agent;
}

/** The longer a control plane was away, the longer a node may wait with its next attempt. */
export const linkedWithin = { withinMs: reconnectMsMax + patienceMs, everyMs: 50 };

/** Waits until the tenant's only node is heard, as after a start of either side. */
export async function nodeIsConnected(tenant: TestTenant): Promise<void> {
  await eventually(async () => (await onlyNode(tenant)).connected, linkedWithin);
}
