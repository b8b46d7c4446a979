import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";

import { getNode } from "../../verbs/node/get.ts";
import { listNodes } from "../../verbs/node/list.ts";
import { retireNode } from "../../verbs/node/retire.ts";
import { nodeView } from "../../view/node-view.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import {
  getNodeOperation,
  listNodesOperation,
  retireNodeOperation,
} from "../openapi/node-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { groupPageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";

/** `/v1/nodes` */
export function nodeRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...listNodesOperation, middleware: guards.tenant }, async (c) => {
    const request = groupPageRequest(c.req.valid("query"));
    const page = await listNodes(deps.verbs, c.var.actor, request);
    const nowMs = deps.clock.nowMs();
    return pageAnswer(c, page, (record) => nodeView(record, nowMs));
  });
  router.openapi({ ...getNodeOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("nod", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await getNode(deps.verbs, c.var.actor, { id });
    if (outcome.kind === "not-found") return refusedAnswer(c, outcome);
    return c.json(nodeView(outcome.node, deps.clock.nowMs()), 200);
  });
  router.openapi({ ...retireNodeOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("nod", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await retireNode(deps.verbs, c.var.actor, { id });
    return outcome.kind === "retired" ? c.body(null, 204) : refusedAnswer(c, outcome);
  });
  return router;
}
