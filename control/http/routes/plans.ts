import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";

import { getBalancer } from "../../verbs/balancer/get.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { WriteDeps } from "../http-deps.ts";
import { balancerPlanOperation } from "../openapi/balancer-operations.ts";
import { refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { roomRefusal } from "../room-refusal.ts";
import { createRouter } from "../router.ts";

/** `/v1/balancers/{id}/plan` */
export function planRoutes(deps: WriteDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...balancerPlanOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("bal", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const found = await getBalancer(deps.verbs, c.var.actor, { id });
    if (found.kind === "not-found") return refusedAnswer(c, found);
    const { definition, rev } = found.balancer;
    const outcome = await deps.plans.ask(c.var.actor, { balancer: id, definition });
    if (outcome.kind !== "planned") return roomRefusal(c, outcome);
    return c.json({ id, revision: rev, ...outcome.plan }, 200);
  });
  return router;
}
