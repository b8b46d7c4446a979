import type { MiddlewareHandler } from "hono";
import ipaddr from "ipaddr.js";

import type { HttpEnv } from "../env.ts";

/** A network, as ipaddr.js reads a CIDR. */
type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Knows the client's address, also behind the proxies that are trusted. */
export function clientAddress(trustedProxies: readonly string[]): MiddlewareHandler<HttpEnv> {
  const trusted = trustedProxies.map((cidr) => ipaddr.parseCIDR(cidr));
  return async (c, next) => {
    const peer = c.env.incoming?.socket.remoteAddress ?? "";
    c.set("address", addressOf(peer, c.req.header("x-forwarded-for"), trusted));
    await next();
  };
}

/**
 * Walks `X-Forwarded-For` from its end as long as the one who wrote the entry is trusted: what
 * stands left of the first stranger may be invented.
 */
function addressOf(peer: string, forwardedFor: string | undefined, trusted: Network[]): string {
  const hops = forwardedFor?.split(",").map((hop) => hop.trim()) ?? [];
  let address = plain(peer);
  while (isTrusted(address, trusted)) {
    const next = hops.pop();
    if (next === undefined || !ipaddr.isValid(next)) return address;
    address = plain(next);
  }
  return address;
}

function isTrusted(address: string, trusted: Network[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some((network) => parsed.kind() === network[0].kind() && parsed.match(network));
}

/** IPv4 as such, not as `::ffff:…`; the empty text stays. */
function plain(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}
