import type { Context } from "hono";

import type { BodyEnv } from "../env.ts";
import type { AgentDeps } from "./agent-deps.ts";
import { nodeRefusal } from "./node-refusal.ts";

/**
 * A node retires itself: what `DELETE /v1/nodes/{id}` does, in the name of the node. One that is
 * retired already, because an answer got lost, is told the same: it has what it wanted.
 */
export async function leave(c: Context<BodyEnv>, deps: AgentDeps): Promise<Response> {
  const asked = { method: c.req.method, path: c.req.path };
  const outcome = await deps.authenticate(c.req.header("authorization"), asked);
  if (outcome.kind === "retired") return c.body(null, 204);
  if (outcome.kind !== "node") return nodeRefusal(c, outcome);
  const { nodeId, tenantId } = outcome.node;
  c.var.facts.tenant = tenantId;
  const { requestId, address } = c.var;
  await deps.retire({ nodeId, requestId, address });
  return c.body(null, 204);
}
