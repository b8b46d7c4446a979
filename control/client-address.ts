import ipaddr from "ipaddr.js";

/** A network, as ipaddr.js reads a CIDR. */
type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Who a request came from: the socket's other end, and what proxies wrote down. */
export interface Hops {
  readonly peer: string | undefined;
  /** The value of `X-Forwarded-For`. */
  readonly forwardedFor: string | undefined;
}

/** Tells the client's address, the empty text when there is none. */
export type ClientAddressOf = (hops: Hops) => string;

/**
 * Knows the client's address, also behind the proxies that are trusted, given as CIDR. Walks
 * `X-Forwarded-For` from its end as long as the one who wrote the entry is trusted: what stands
 * left of the first stranger may be invented.
 */
export function clientAddressOf(trustedProxies: readonly string[]): ClientAddressOf {
  const trusted = trustedProxies.map((cidr) => ipaddr.parseCIDR(cidr));
  return ({ peer, forwardedFor }) => {
    const hops = forwardedFor?.split(",").map((hop) => hop.trim()) ?? [];
    let address = plain(peer ?? "");
    while (isTrusted(address, trusted)) {
      const next = hops.pop();
      if (next === undefined || !ipaddr.isValid(next)) return address;
      address = plain(next);
    }
    return address;
  };
}

/** Whom an address stands for when calls are counted: an IPv6 customer has a whole /64. */
export function customerOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  return ipaddr.parse(address).kind() === "ipv6"
    ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString()
    : address;
}

function isTrusted(address: string, trusted: readonly Network[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some((network) => parsed.kind() === network[0].kind() && parsed.match(network));
}

/** IPv4 as such, not as `::ffff:…`; the empty text stays. */
function plain(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}
