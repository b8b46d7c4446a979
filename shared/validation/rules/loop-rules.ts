import ipaddr from "ipaddr.js";

import type { Problem } from "../../base/problem.ts";
import type { Backend } from "../../definition/backend.ts";
import { isWildcard, parseBind, type Bind } from "../../definition/bind.ts";
import { canonicalAddress, isAddress, normalHost } from "../../definition/host.ts";
import type { ManagedBackend } from "../../definition/managed-backend.ts";
import { socketPathOf } from "../../definition/socket-path.ts";
import type { Parts } from "../parts.ts";
import { listedBackends, managedBackends } from "../pointed-backends.ts";

/**
 * No backend of a definition is the balancer itself: one datagram, or one connection, would keep it
 * busy without end. Whether an address that is not written in a bind is the node's is not known here.
 */
export function loopRules({ right }: Parts): readonly Problem[] {
  const binds = (right.bind ?? []).map((text) => ({ text, bind: parseBind(text) }));
  const backends = [
    ...listedBackends(right.discovery),
    ...managedBackends(right.managedBackends).filter(isAdded),
  ];
  return backends.flatMap(({ pointer, ...backend }) => {
    const own = binds.find(({ bind }) => leadsTo(backend, bind));
    if (own === undefined) return [];
    const detail = `is this balancer itself, which listens on ${own.text}`;
    return [{ pointer, code: "conflict", detail }];
  });
}

/** What is named to take it out of service, or to change it where a source names it, adds nothing. */
function isAdded({
  override = false,
  state = "enabled",
}: Pick<ManagedBackend, "override" | "state">): boolean {
  return !override && state === "enabled";
}

function leadsTo({ host, port }: Pick<Backend, "host" | "port">, bind: Bind): boolean {
  if (bind.kind === "unix") return socketPathOf(host) === bind.path;
  if (bind.kind === "interface" || port < bind.fromPort || port > bind.toPort) return false;
  const addresses = addressesOf(host);
  return isWildcard(bind.host)
    ? addresses.some(isLoopback)
    : addresses.includes(canonicalAddress(bind.host));
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

function isLoopback(address: string): boolean {
  return ipaddr.process(address).range() === "loopback";
}
