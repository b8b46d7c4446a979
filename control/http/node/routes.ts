import type { OpenAPIHono } from "@hono/zod-openapi";

import { agentPaths } from "#shared/wire/protocol.ts";

import { RateLimiter } from "../../rate-limiter.ts";
import type { BodyEnv } from "../env.ts";
import { jsonBody } from "../middleware/json-body.ts";
import { addressKey, rateLimit, refusalLimit } from "../middleware/rate-limit.ts";
import { createRouter } from "../router.ts";
import type { AgentDeps } from "./agent-deps.ts";
import { join } from "./join.ts";
import { leave } from "./leave.ts";
import { snapshot } from "./snapshot.ts";

/**
 * What agents call over HTTP (docs/protocol.md). They are not part of the API's description: their
 * shapes change with the protocol's version.
 */
export function agentRoutes(deps: AgentDeps): OpenAPIHono<BodyEnv> {
  const router = createRouter<BodyEnv>();
  const joins = rateLimit<BodyEnv>(new RateLimiter(deps.clock, deps.joins), addressKey);
  router.post(agentPaths.join, joins, jsonBody(), (c) => join(c, deps));
  const attempts = refusalLimit<BodyEnv>(deps.attempts);
  router.post(agentPaths.leave, attempts, (c) => leave(c, deps));
  router.get(`${agentPaths.snapshots}:root{[0-9a-f]{64}}`, attempts, (c) => snapshot(c, deps));
  return router;
}
