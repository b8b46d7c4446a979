import type { OpenAPIHono } from "@hono/zod-openapi";

import { retryAfterS } from "#shared/base/limits.ts";

import type { HttpEnv } from "../env.ts";
import type { HttpDeps } from "../http-deps.ts";
import { healthOperation, readinessOperation } from "../openapi/platform-operations.ts";
import { createRouter } from "../router.ts";

/** `/healthz` (does the process answer) and `/readyz` (should requests come here). */
export function platformRoutes(deps: HttpDeps): OpenAPIHono<HttpEnv> {
  const router = createRouter<HttpEnv>();
  router.openapi(healthOperation, (c) => c.json({ status: "ok" }, 200));
  router.openapi(readinessOperation, async (c) => {
    const checks = await deps.readiness();
    if (Object.values(checks).every(Boolean)) return c.json({ status: "ready", checks }, 200);
    c.header("retry-after", String(retryAfterS));
    return c.json({ status: "not-ready", checks }, 503);
  });
  return router;
}
