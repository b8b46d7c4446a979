import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";

import { listEvents, listEventsOfNode } from "../../verbs/event/list.ts";
import { eventAnswer } from "../answers/event-answer.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import { listEventsOperation, listNodeEventsOperation } from "../openapi/event-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { eventPageRequest, pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";

/** `/v1/events` and `/v1/nodes/{id}/events` */
export function eventRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...listEventsOperation, middleware: guards.tenant }, async (c) => {
    const request = eventPageRequest(c.req.valid("query"));
    return pageAnswer(c, await listEvents(deps.verbs, c.var.actor, request), eventAnswer);
  });
  router.openapi({ ...listNodeEventsOperation, middleware: guards.tenant }, async (c) => {
    const node = parseId("nod", c.req.valid("param").id);
    if (node === undefined) return problemAnswer(c, "http/not-found");
    const request = { ...pageRequest(c.req.valid("query")), node };
    const page = await listEventsOfNode(deps.verbs, c.var.actor, request);
    return page.kind === "not-found" ? refusedAnswer(c, page) : pageAnswer(c, page, eventAnswer);
  });
  return router;
}
