import type { Hono, MiddlewareHandler } from "hono";
import { methodNotAllowed as byHono } from "hono/method-not-allowed";

import type { HttpEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

/**
 * A path that is known, asked with a method it lacks: 405 with `Allow` (RFC 9110 section 15.5.6).
 * OPTIONS is answered with the same list.
 */
export function methodNotAllowed<E extends HttpEnv>(app: Hono<E>): MiddlewareHandler<E> {
  return byHono<E>({
    app,
    onMethodNotAllowed: (c, methods) => {
      const allow = [...methods, "OPTIONS"].toSorted().join(", ");
      const headers = { allow };
      if (c.req.method === "OPTIONS") return new Response(null, { status: 204, headers });
      return problemAnswer(c, "http/method-not-allowed", {
        detail: `this path knows ${allow}`,
        headers,
      });
    },
  });
}
