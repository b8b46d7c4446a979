import type { Context, MiddlewareHandler } from "hono";

import { customerOf } from "../../client-address.ts";
import type { RateDecision, RateLimit, RateLimiter } from "../../rate-limiter.ts";
import type { HttpEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

/**
 * Bounds the calls of whoever `keyOf` names, and announces it: `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-10), `Retry-After` with a 429.
 */
export function rateLimit<E extends HttpEnv>(
  limiter: RateLimiter,
  keyOf: (c: Context<E>) => string,
): MiddlewareHandler<E> {
  return async (c, next) => {
    const decision = limiter.take(keyOf(c));
    const headers = announced(limiter.limit, decision);
    if (!decision.allowed) return tooMany(c, decision, headers);
    await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  };
}

/**
 * Bounds the calls of one address whose credential is refused with 401. Beyond it whatever comes
 * from there is refused before anything is looked up, a good credential too: which one it is would
 * have to be looked up. A call that brings none costs nothing and does not count.
 */
export function refusalLimit<E extends HttpEnv>(limiter: RateLimiter): MiddlewareHandler<E> {
  return async (c, next) => {
    const key = addressKey(c);
    const decision = limiter.look(key);
    if (!decision.allowed) return tooMany(c, decision, announced(limiter.limit, decision));
    await next();
    const brought = c.req.header("authorization") !== undefined;
    if (brought && c.res.status === 401) limiter.take(key);
  };
}

/** Whom the client's address stands for. */
export function addressKey<E extends HttpEnv>(c: Context<E>): string {
  return customerOf(c.var.address);
}

function tooMany<E extends HttpEnv>(
  c: Context<E>,
  { retryAfterS }: RateDecision,
  headers: Readonly<Record<string, string>>,
): Response {
  return problemAnswer(c, "http/too-many-requests", {
    detail: `try again in ${retryAfterS} s`,
    headers: { ...headers, "retry-after": String(retryAfterS) },
  });
}

function announced(limit: RateLimit, decision: RateDecision): Readonly<Record<string, string>> {
  const { name, burst, perSecond } = limit;
  const windowS = Math.ceil(burst / perSecond);
  return {
    "ratelimit-policy": `"${name}";q=${burst};w=${windowS}`,
    ratelimit: `"${name}";r=${decision.remaining};t=${decision.retryAfterS}`,
  };
}
