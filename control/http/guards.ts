import type { MiddlewareHandler } from "hono";

import { RateLimiter } from "../rate-limiter.ts";
import type { BodyEnv, TenantEnv } from "./env.ts";
import type { HttpDeps } from "./http-deps.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { idempotencyKey, noIdempotencyKey } from "./middleware/idempotency-key.ts";
import { jsonBody } from "./middleware/json-body.ts";
import { addressKey, rateLimit, refusalLimit } from "./middleware/rate-limit.ts";

/**
 * What stands before a route's handler, by the kind of call. Guards belong to routes and not to
 * paths: an unknown path is 404 and an unknown method 405, with or without a key.
 */
export interface Guards {
  /** In a tenant's name, without a body. */
  readonly tenant: MiddlewareHandler<TenantEnv>[];
  /** With a JSON body. */
  readonly tenantBody: MiddlewareHandler<TenantEnv>[];
  /** With a JSON body and, if the client likes, an `Idempotency-Key`. */
  readonly tenantPost: MiddlewareHandler<TenantEnv>[];
  /** The same, and the body may be left out. */
  readonly tenantPostOptional: MiddlewareHandler<TenantEnv>[];
  /** Without a key: bounded by the client's address. */
  readonly signIn: MiddlewareHandler<BodyEnv>[];
}

/** The guards of one app; their rate limits are shared by all its routes. */
export function createGuards(deps: HttpDeps): Guards {
  const calls = new RateLimiter(deps.clock, deps.limits.calls);
  const signIns = new RateLimiter(deps.clock, deps.limits.signIns);
  const refusals = new RateLimiter(deps.clock, deps.limits.refusals);
  const tenant = [
    refusalLimit<TenantEnv>(refusals),
    authenticate(deps.verbs),
    rateLimit<TenantEnv>(calls, (c) => c.var.actor.keyId),
  ];
  const post = (body: MiddlewareHandler<TenantEnv>) => [...tenant, body, idempotencyKey()];
  return {
    tenant,
    tenantBody: [...tenant, jsonBody()],
    tenantPost: post(jsonBody()),
    tenantPostOptional: post(jsonBody({ optional: true })),
    signIn: [rateLimit<BodyEnv>(signIns, addressKey), noIdempotencyKey(), jsonBody()],
  };
}
