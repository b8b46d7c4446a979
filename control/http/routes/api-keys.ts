import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";

import { createApiKey, type CreateApiKeyInput } from "../../verbs/api-key/create.ts";
import { listApiKeys } from "../../verbs/api-key/list.ts";
import { revokeApiKey } from "../../verbs/api-key/revoke.ts";
import { apiKeyAnswer } from "../answers/access-answer.ts";
import { apiKeyBodySchema, checkedBody } from "../bodies.ts";
import type { TenantEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import {
  createApiKeyOperation,
  listApiKeysOperation,
  revokeApiKeyOperation,
} from "../openapi/access-operations.ts";
import { pageAnswer, refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { pageRequest } from "../queries.ts";
import { createRouter } from "../router.ts";

/** `/v1/api-keys` */
export function apiKeyRoutes(deps: HttpDeps, guards: Guards): OpenAPIHono<TenantEnv> {
  const router = createRouter<TenantEnv>();
  router.openapi({ ...listApiKeysOperation, middleware: guards.tenant }, async (c) => {
    const request = pageRequest(c.req.valid("query"));
    return pageAnswer(c, await listApiKeys(deps.verbs, c.var.actor, request), apiKeyAnswer);
  });
  router.openapi({ ...createApiKeyOperation, middleware: guards.tenantPost }, async (c) => {
    const body = checkedBody(c, apiKeyBodySchema);
    if (!body.ok) return body.answer;
    const { name, scopes, ttl } = body.value;
    const input: CreateApiKeyInput = { name, scopes, ...(ttl === undefined ? {} : { ttlMs: ttl }) };
    const outcome = await createApiKey(deps.verbs, c.var.actor, input);
    if (outcome.kind !== "created") return refusedAnswer(c, outcome);
    return c.json({ ...apiKeyAnswer(outcome.apiKey), secret: outcome.secret }, 201);
  });
  router.openapi({ ...revokeApiKeyOperation, middleware: guards.tenant }, async (c) => {
    const id = parseId("key", c.req.valid("param").id);
    if (id === undefined) return problemAnswer(c, "http/not-found");
    const outcome = await revokeApiKey(deps.verbs, c.var.actor, { id });
    return outcome.kind === "revoked" ? c.body(null, 204) : refusedAnswer(c, outcome);
  });
  return router;
}
