import { backendName } from "#shared/definition/backend-name.ts";
import type { Backend } from "#shared/definition/backend.ts";

import type { Candidate } from "../../node-agent/pool/pool-view.ts";

/** A backend with the defaults of a definition. */
export function backendOf(text: string, given: Partial<Backend> = {}): Backend {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon);
  const port = Number(text.slice(colon + 1));
  return { host, port, weight: 1, priority: 1, maxConnections: 0, sni: "", ...given };
}

/** Candidates as a view holds them: in the order of their names, each with a slot of its own. */
export function candidatesOf(
  backends: readonly Backend[],
  liveSinceMs = Number.NEGATIVE_INFINITY,
): readonly Candidate[] {
  return backends
    .map((backend) => ({ ...backend, name: backendName(backend.host, backend.port) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((backend, place) => ({
      ...backend,
      alpn: backend.alpn,
      takesProxyHeader: backend.proxyProtocol !== false,
      place,
      slot: { index: place, generation: 0 },
      liveSinceMs,
    }));
}
