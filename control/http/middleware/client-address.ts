import type { MiddlewareHandler } from "hono";

import { clientAddressOf } from "../../client-address.ts";
import type { HttpEnv } from "../env.ts";

/** Knows the client's address, also behind the proxies that are trusted. */
export function clientAddress(trustedProxies: readonly string[]): MiddlewareHandler<HttpEnv> {
  const addressOf = clientAddressOf(trustedProxies);
  return async (c, next) => {
    const peer = c.env.incoming?.socket.remoteAddress;
    c.set("address", addressOf({ peer, forwardedFor: c.req.header("x-forwarded-for") }));
    await next();
  };
}
