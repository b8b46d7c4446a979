import type { MiddlewareHandler } from "hono";

import type { HttpEnv } from "../env.ts";

/** Nobody keeps an answer that does not say otherwise: it is one tenant's, and may hold a secret. */
export function noStore(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  };
}
