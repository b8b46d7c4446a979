import type { OpenAPIHono } from "@hono/zod-openapi";

import { readTenant } from "../../view/read-tenant.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import { meOperation } from "../openapi/access-operations.ts";
import { problemAnswer } from "../problem-answer.ts";
import { createRouter } from "../router.ts";

/** `/v1/me` */
export function meRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...meOperation, middleware: guards.tenant }, async (c) => {
    const { tenantId, keyId, scopes } = c.var.actor;
    const tenant = await readTenant(deps.verbs, tenantId);
    if (tenant === undefined) return problemAnswer(c, "http/not-found");
    return c.json({ tenant, key: { id: keyId, scopes: [...scopes] } }, 200);
  });
  return router;
}
