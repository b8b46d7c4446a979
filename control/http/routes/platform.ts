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
  let asking: ReturnType<HttpDeps["readiness"]> | undefined;
  router.openapi(readinessOperation, async (c) => {
    // Whoever asks meanwhile gets the same answer: probes pass however many they are.
    asking ??= deps.readiness().finally(() => (asking = undefined));
    const checks = await asking;
    if (Object.values(checks).every(Boolean)) return c.json({ status: "ready", checks }, 200);
    c.header("retry-after", String(retryAfterS));
    return c.json({ status: "not-ready", checks }, 503);
  });
  return router;
}
