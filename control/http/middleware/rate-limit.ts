import type { Context, MiddlewareHandler } from "hono";
import ipaddr from "ipaddr.js";

import type { HttpEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";
import type { RateDecision, RateLimit, RateLimiter } from "../rate-limiter.ts";

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
    if (!decision.allowed) {
      return problemAnswer(c, "http/too-many-requests", {
        detail: `try again in ${decision.retryAfterS} s`,
        headers: { ...headers, "retry-after": String(decision.retryAfterS) },
      });
    }
    await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  };
}

/** Whom an address stands for: an IPv6 customer has a whole /64. */
export function addressKey<E extends HttpEnv>(c: Context<E>): string {
  const { address } = c.var;
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.parse(address);
  return parsed.kind() === "ipv6"
    ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString()
    : address;
}

function announced(limit: RateLimit, decision: RateDecision): Readonly<Record<string, string>> {
  const { name, burst, perSecond } = limit;
  const windowS = Math.ceil(burst / perSecond);
  return {
    "ratelimit-policy": `"${name}";q=${burst};w=${windowS}`,
    ratelimit: `"${name}";r=${decision.remaining};t=${decision.retryAfterS}`,
  };
}
