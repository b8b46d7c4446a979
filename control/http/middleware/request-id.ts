import type { MiddlewareHandler } from "hono";

import { requestIdCharsMax } from "#shared/base/limits.ts";

import type { HttpEnv } from "../env.ts";

const pattern = /^[\w.:=-]+$/;

/**
 * Names the request in its answer, its log line and the audit: the client's own `X-Request-Id` when
 * it is short and plain, otherwise a new one.
 */
export function requestId(newRequestId: () => string): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const given = c.req.header("x-request-id") ?? "";
    const taken = given.length <= requestIdCharsMax && pattern.test(given);
    c.set("requestId", taken ? given : newRequestId());
    await next();
    c.res.headers.set("x-request-id", c.var.requestId);
  };
}
