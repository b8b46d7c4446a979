import type { OpenAPIHono } from "@hono/zod-openapi";

import { formatDuration, parseDurationMs } from "#shared/base/duration.ts";
import { parseId } from "#shared/base/ids.ts";
import { buckets1mMsKept, statisticsWindowMsMin } from "#shared/base/limits.ts";
import { pointerOf } from "#shared/base/problem.ts";

import { requireScope } from "../../verbs/actor.ts";
import { metricsContentType } from "../../view/metrics-view.ts";
import { readMetrics } from "../../view/read-metrics.ts";
import { readTraffic } from "../../view/read-traffic.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import { viewsOf, type HttpDeps } from "../http-deps.ts";
import { balancerStatsOperation } from "../openapi/balancer-operations.ts";
import { metricsOperation } from "../openapi/platform-operations.ts";
import { problemAnswer } from "../problem-answer.ts";
import { createRouter } from "../router.ts";

type Router = OpenAPIHono<TenantEnv>;

/** `/v1/balancers/{id}/stats` and `/v1/metrics` */
export function trafficRoutes(deps: HttpDeps, guards: Guards): Router {
  const router = createRouter<TenantEnv>();
  addStats(router, deps, guards);
  router.openapi({ ...metricsOperation, middleware: guards.tenant }, async (c) => {
    requireScope(c.var.actor, "read");
    const text = await readMetrics(viewsOf(deps), c.var.actor.tenantId);
    return c.body(text, 200, { "content-type": metricsContentType });
  });
  return router;
}

function addStats(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...balancerStatsOperation, middleware: guards.tenant }, async (c) => {
    requireScope(c.var.actor, "read");
    const balancerId = parseId("bal", c.req.valid("param").id);
    if (balancerId === undefined) return problemAnswer(c, "http/not-found");
    const { window } = c.req.valid("query");
    const windowMs = parseDurationMs(window) ?? 0;
    if (windowMs < statisticsWindowMsMin || windowMs > buckets1mMsKept) {
      return problemAnswer(c, "http/bad-query", { errors: [wrongWindow] });
    }
    const question = { balancerId, windowMs, window };
    const traffic = await readTraffic(viewsOf(deps), c.var.actor.tenantId, question);
    if (traffic === undefined) return problemAnswer(c, "http/not-found");
    return c.json(traffic, 200);
  });
}

const wrongWindow = {
  pointer: pointerOf(["window"]),
  code: "invalid-duration",
  detail: `is a duration from ${formatDuration(statisticsWindowMsMin)} to ${formatDuration(buckets1mMsKept)}`,
};
