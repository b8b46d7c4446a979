import type { Context } from "hono";

import type { ReceiptView } from "../view/receipt-view.ts";
import type { TenantEnv } from "./env.ts";
import { viewsOf, type HttpDeps } from "./http-deps.ts";
import { preferredWaitMs } from "./preference.ts";
import { waitForServing } from "./serving-wait.ts";

/**
 * With `Prefer: wait`: waits for the nodes and says, as a part of the answer, who serves the
 * revision. Without it the answer says nothing of nodes.
 */
export async function receiptNote(
  c: Context<TenantEnv>,
  deps: HttpDeps,
  rev: number,
): Promise<{ readonly receipt?: ReceiptView }> {
  const waitMs = preferredWaitMs(c.req.header("prefer"));
  if (waitMs === undefined) return {};
  c.header("preference-applied", `wait=${waitMs / 1_000}`);
  const receipt = await waitForServing(viewsOf(deps), c.var.actor.tenantId, { rev, waitMs });
  return receipt === undefined ? {} : { receipt };
}
