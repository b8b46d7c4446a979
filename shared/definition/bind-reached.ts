import { isWildcard, type Bind } from "./bind.ts";
import { canonicalAddress, isAddress, normalHost } from "./host.ts";
import { socketPathOf } from "./socket-path.ts";

/** What can be dialled. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A bind, and how it is written. */
export interface WrittenBind {
  readonly text: string;
  readonly bind: Bind;
}

/**
 * The first of these binds at which whoever dials a target from their own host arrives. `isOfHost`
 * is asked about addresses in their one spelling, and only for a wildcard that has the target's
 * port; loopback addresses are every host's. No name but `localhost` is taken for an address, and no
 * interface has one here.
 */
export function bindReached(
  { host, port }: Target,
  binds: readonly WrittenBind[],
  isOfHost: (address: string) => boolean,
): WrittenBind | undefined {
  const path = socketPathOf(host);
  if (path !== undefined) {
    return binds.find(({ bind }) => bind.kind === "unix" && bind.path === path);
  }
  const near = binds.filter(({ bind }) => hasPort(bind, port));
  const addresses = near.length === 0 ? [] : addressesOf(host);
  const isOwn = (address: string): boolean => isLoopback(address) || isOfHost(address);
  return near.find(({ bind }) => {
    if (bind.kind !== "address") return false;
    return isWildcard(bind.host)
      ? addresses.some(isOwn)
      : addresses.includes(canonicalAddress(bind.host));
  });
}

function hasPort(bind: Bind, port: number): boolean {
  return bind.kind !== "unix" && port >= bind.fromPort && port <= bind.toPort;
}

/** What dialling a host reaches, as far as that is the same on every node. */
function addressesOf(host: string): readonly string[] {
  const normal = normalHost(host);
  if (normal === "localhost") return ["127.0.0.1", "::1"];
  // The system takes it as the host's own.
  if (normal === "0.0.0.0") return ["127.0.0.1"];
  if (normal === "::") return ["::1"];
  return isAddress(normal) ? [canonicalAddress(normal)] : [];
}

/** Of an address in its one spelling. */
function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
