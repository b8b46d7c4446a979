import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";

import { createJoinToken, type CreateJoinTokenInput } from "../../verbs/join-token/create.ts";
import { listJoinTokens } from "../../verbs/join-token/list.ts";
import { revokeJoinToken } from "../../verbs/join-token/revoke.ts";
import { joinTokenAnswer } from "../answers/access-answer.ts";
import { checkedBody, joinTokenBodySchema } from "../bodies.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import {
  createJoinTokenOperation,
  listJoinTokensOperation,
  revokeJoinTokenOperation,
} from "../openapi/access-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";

/** `/v1/join-tokens` */
export function joinTokenRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...listJoinTokensOperation, middleware: guards.tenant }, async (c) => {
    const request = pageRequest(c.req.valid("query"));
    return pageAnswer(c, await listJoinTokens(deps.verbs, c.var.actor, request), joinTokenAnswer);
  });
  router.openapi(
    { ...createJoinTokenOperation, middleware: guards.tenantPostOptional },
    async (c) => {
      const body = checkedBody(c, joinTokenBodySchema);
      if (!body.ok) return body.answer;
      const { group, uses, ttl } = body.value;
      const input: CreateJoinTokenInput = {
        ...(group === undefined ? {} : { group }),
        ...(uses === undefined ? {} : { uses }),
        ...(ttl === undefined ? {} : { ttlMs: ttl }),
      };
      const outcome = await createJoinToken(deps.verbs, c.var.actor, input);
      if (outcome.kind !== "created") return refusedAnswer(c, outcome);
      return c.json({ ...joinTokenAnswer(outcome.joinToken), token: outcome.token }, 201);
    },
  );
  router.openapi({ ...revokeJoinTokenOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("jtk", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await revokeJoinToken(deps.verbs, c.var.actor, { id });
    return outcome.kind === "revoked" ? c.body(null, 204) : refusedAnswer(c, outcome);
  });
  return router;
}
