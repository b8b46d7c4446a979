import type { OpenAPIHono } from "@hono/zod-openapi";

import { createGroup } from "../../verbs/group/create.ts";
import { listGroups } from "../../verbs/group/list.ts";
import { groupAnswer } from "../answers/access-answer.ts";
import { checkedBody, groupBodySchema } from "../bodies.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import { createGroupOperation, listGroupsOperation } from "../openapi/node-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";

/** `/v1/groups` */
export function groupRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...listGroupsOperation, middleware: guards.tenant }, async (c) => {
    const request = pageRequest(c.req.valid("query"));
    return pageAnswer(c, await listGroups(deps.verbs, c.var.actor, request), groupAnswer);
  });
  router.openapi({ ...createGroupOperation, middleware: guards.tenantPost }, async (c) => {
    const body = checkedBody(c, groupBodySchema);
    if (!body.ok) return body.answer;
    const outcome = await createGroup(deps.verbs, c.var.actor, body.value);
    if (outcome.kind !== "created") return refusedAnswer(c, outcome);
    return c.json(groupAnswer(outcome.group), 201);
  });
  return router;
}
