import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";
import { readBackendName } from "#shared/definition/backend-name.ts";

import { getBalancer } from "../../verbs/balancer/get.ts";
import { askHealth } from "../../verbs/health/ask.ts";
import { isNowhere, nodeHealths } from "../../view/health-view.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { WriteDeps } from "../http-deps.ts";
import { balancerHealthOperation } from "../openapi/balancer-operations.ts";
import { refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { roomRefusal } from "../room-refusal.ts";
import { createRouter } from "../router.ts";

/** `/v1/balancers/{id}/health` */
export function healthRoutes(deps: WriteDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...balancerHealthOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("bal", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const { actor } = c.var;
    const found = await getBalancer(deps.verbs, actor, { id });
    if (found.kind === "not-found") return refusedAnswer(c, found);
    const { group } = found.balancer.definition;
    const backend = nameOf(c.req.valid("query").backend);
    const input = { balancer: id, group, backend };
    const heard = await deps.room.hear(actor, () => askHealth(deps.verbs, actor, input));
    if (heard.kind !== "heard") return roomRefusal(c, heard);
    const { asked, answers } = heard;
    const nodes = nodeHealths(asked.nodes, answers);
    if (backend !== null && asked.unasked === 0 && isNowhere(nodes)) {
      return problemAnswer(c, "http/not-found", { detail: `no node knows a backend ${backend}` });
    }
    return c.json({ id, group, nodes, unasked: asked.unasked }, 200);
  });
  return router;
}

/** The name by which nodes know a backend; the query was checked. */
function nameOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const name = readBackendName(text);
  return name.ok ? name.value : text;
}
