import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";

import type { Clock } from "#shared/base/clock.ts";

import type { Log, LogFields } from "../../log.ts";
import type { HttpEnv } from "../env.ts";

interface RequestLogDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One line for each request, when its answer is out: route template instead of path, and what was
 * found out on the way (`RequestFacts`). Never a header's value, a query or a body.
 */
export function requestLog(deps: RequestLogDeps): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedMs = deps.clock.monotonicMs();
    c.set("facts", {});
    const socket = c.env.incoming?.socket;
    const bytesBefore = socket?.bytesWritten ?? 0;
    const finish = (): void => {
      const aborted = c.env.outgoing?.writableFinished === false;
      const bytesOut = (socket?.bytesWritten ?? 0) - bytesBefore;
      write(deps.log, c, {
        ms: Math.round((deps.clock.monotonicMs() - startedMs) * 10) / 10,
        bytesOut,
        ...(aborted ? { aborted } : {}),
      });
    };
    if (c.env.outgoing === undefined) {
      await next();
      finish();
      return;
    }
    c.env.outgoing.once("close", finish);
    await next();
  };
}

function write(log: Log, c: Context<HttpEnv>, measured: LogFields): void {
  const { facts, requestId, address } = c.var;
  const fields = {
    request: requestId,
    method: c.req.method,
    route: routeOf(c),
    status: c.res.status,
    address,
    ...measured,
    ...facts,
  };
  if (facts.error !== undefined) return log.error("http.request", fields);
  if (facts.cause !== undefined) return log.warn("http.request", fields);
  if (fields.route === "/healthz" || fields.route === "/readyz") {
    return log.debug("http.request", fields);
  }
  log.info("http.request", fields);
}

/** The template of the route that answered; `*` when none did. */
function routeOf(c: Context<HttpEnv>): string {
  return routePath(c, -1);
}
