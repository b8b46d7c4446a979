import type { Protocol } from "../definition/balancer.ts";
import { isWildcard, type Bind, type PortRange } from "../definition/bind.ts";

/** A bind, and what is spoken there: TCP and UDP ports do not get in each other's way. */
export interface SpokenBind {
  readonly bind: Bind;
  readonly protocol: Protocol;
}

/**
 * Whether both cannot be bound on one node. A wildcard takes its ports on every address; whether an
 * interface has a given address is not known here, so those two are left to the node.
 */
export function clashes(one: SpokenBind, other: SpokenBind): boolean {
  const [a, b] = [one.bind, other.bind];
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  if (b.kind === "unix" || transportOf(one.protocol) !== transportOf(other.protocol)) return false;
  return overlap(a, b) && sharesAddress(a, b);
}

type PortBind = Exclude<Bind, { kind: "unix" }>;

/** What its ports are ports of. */
export function transportOf(protocol: Protocol): "tcp" | "udp" {
  return protocol === "udp" ? "udp" : "tcp";
}

function overlap(one: PortRange, other: PortRange): boolean {
  return one.fromPort <= other.toPort && other.fromPort <= one.toPort;
}

function sharesAddress(one: PortBind, other: PortBind): boolean {
  return takesAll(one) || takesAll(other) || whereOf(one) === whereOf(other);
}

function takesAll(bind: PortBind): boolean {
  return bind.kind === "address" && isWildcard(bind.host);
}

function whereOf(bind: PortBind): string {
  return bind.kind === "address" ? `address ${bind.host}` : `interface ${bind.name}`;
}
