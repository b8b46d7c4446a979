import { Fault } from "#shared/base/fault.ts";
import type { Protocol } from "#shared/definition/balancer.ts";
import { isWildcard, parseBind } from "#shared/definition/bind.ts";

/** An address to listen on; the wildcard is `::` and takes IPv4 as well. */
export type ListenAddress =
  | { readonly kind: "tcp" | "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What listening this agent knows, as capabilities. */
export const bindKinds = ["multi-bind", "bind:address", "bind:port-range", "bind:unix"] as const;

/**
 * Where a checked bind listens: each port of a range by itself.
 *
 * @throws Fault `listen/unsupported` for an interface
 */
export function listenAddressesOf(text: string, protocol: Protocol): readonly ListenAddress[] {
  const bind = parseBind(text);
  if (bind.kind === "unix") return [{ kind: "unix", path: bind.path }];
  if (bind.kind === "interface") throw unsupported();
  const kind = protocol === "udp" ? "udp" : "tcp";
  // `0.0.0.0` means every address of the node, IPv6 included, as `:port` and `[::]` do.
  const host = isWildcard(bind.host) ? "::" : bind.host;
  const count = bind.toPort - bind.fromPort + 1;
  return Array.from({ length: count }, (_, index) => ({ kind, host, port: bind.fromPort + index }));
}

/** For people, and to tell addresses apart. */
export function listenAddressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const { kind, host, port } = address;
  const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return kind === "tcp" ? place : `udp:${place}`;
}

/** Whether the system would refuse to listen on both: TCP and UDP do not get in each other's way. */
export function addressesOverlap(one: ListenAddress, other: ListenAddress): boolean {
  if (one.kind === "unix") return other.kind === "unix" && one.path === other.path;
  if (one.kind !== other.kind || one.port !== other.port) return false;
  return one.host === other.host || one.host === "::" || other.host === "::";
}

function unsupported(): Fault {
  return new Fault({
    code: "listen/unsupported",
    owner: "platform",
    message: "a bind of the kind interface reached an agent that does not know it",
  });
}
