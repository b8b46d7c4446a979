import { durationMs } from "#shared/base/duration.ts";
import { backendName } from "#shared/definition/backend-name.ts";
import type { Backend } from "#shared/definition/backend.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import type { ManagedBackend } from "#shared/definition/managed-backend.ts";

import type { DirectedBackend } from "../pool/directed-backend.ts";

/**
 * What the sources name, and what is managed beside them: a managed backend's own words win, the
 * rest is as the source says it. Those that no source names come first, unless they are only
 * overrides: what is too many is left out from the end.
 */
export function withManaged(
  found: readonly Backend[],
  { managedBackends = [], drainTimeout }: Pick<Balancer, "managedBackends" | "drainTimeout">,
): readonly DirectedBackend[] {
  if (managedBackends.length === 0) return found;
  const managed = new Map(managedBackends.map((one) => [backendName(one.host, one.port), one]));
  const directed = found.map((backend) => {
    const own = managed.get(backendName(backend.host, backend.port));
    return own === undefined ? backend : directedBy(own, backend, drainTimeout);
  });
  const named = new Set(found.map(({ host, port }) => backendName(host, port)));
  const added = managedBackends
    .filter(({ host, port, override }) => override !== true && !named.has(backendName(host, port)))
    .map((own) => directedBy(own, { ...own, ...undirected }, drainTimeout));
  return [...added, ...directed];
}

/** What a backend is that nobody says more of than where it is. */
const undirected = { weight: 1, priority: 1, maxConnections: 0, sni: "" };

function directedBy(
  own: ManagedBackend,
  { host, port, ...said }: Backend,
  drainTimeout: Balancer["drainTimeout"],
): DirectedBackend {
  const drainMs = durationMs(own.drainTimeout ?? drainTimeout);
  const { alpn = said.alpn, proxyProtocol = said.proxyProtocol } = own;
  return {
    host,
    port,
    weight: own.weight ?? said.weight,
    priority: own.priority ?? said.priority,
    maxConnections: own.maxConnections ?? said.maxConnections,
    sni: own.sni ?? said.sni,
    ...(alpn === undefined ? {} : { alpn }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    ...(own.state === undefined ? {} : { state: own.state }),
    ...(own.state === "draining" ? { drainMs } : {}),
  };
}
