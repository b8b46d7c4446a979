import type { OpenAPIHono } from "@hono/zod-openapi";

import { listAudit } from "../../verbs/audit/list.ts";
import { auditAnswer } from "../answers/access-answer.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import { listAuditOperation } from "../openapi/access-operations.ts";
import { pageAnswer } from "../outcome-answers.ts";
import { pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";

/** `/v1/audit` */
export function auditRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...listAuditOperation, middleware: guards.tenant }, async (c) => {
    const request = pageRequest(c.req.valid("query"));
    return pageAnswer(c, await listAudit(deps.verbs, c.var.actor, request), auditAnswer);
  });
  return router;
}
