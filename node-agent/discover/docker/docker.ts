import type { LookupFunction } from "node:net";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { lateListMs } from "#shared/base/limits.ts";

import type { Announce, DiscoverySource, FailedFetch } from "../discovery.ts";
import { httpStream } from "../http/http-source.ts";
import { containerBackends } from "./containers.ts";
import { dockerApi, filtersQuery, type DockerDiscovery } from "./docker-api.ts";
import { serviceBackends } from "./services.ts";

export interface DockerDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly transport: "tcp" | "udp";
}

/**
 * Backends from the containers of an engine, or from the services of its swarm, watched by its
 * stream of events.
 */
export function dockerSource(
  { clock, lookup, transport }: DockerDeps,
  discovery: DockerDiscovery,
): DiscoverySource {
  return {
    fetch: async (signal) => {
      const api = await dockerApi(lookup, discovery);
      if (!api.ok) return api;
      const terms = { api: api.value, discovery, transport, signal };
      return discovery.units === "services" ? serviceBackends(terms) : containerBackends(terms);
    },
    watch: (announce, signal) => watch({ clock, lookup }, discovery, { announce, signal }),
  };
}

/**
 * What can change a list. Exec events, of which checks inside containers make many, are left out;
 * `died` and `remove` are podman's words.
 */
const telling = {
  containers: {
    type: ["container", "network"],
    event: [
      ...["start", "die", "died", "stop", "kill", "destroy", "remove", "pause", "unpause"],
      ...["rename", "update", "connect", "disconnect"],
    ],
  },
  // Tasks of other nodes make no container events here; a service that is updated makes its own.
  services: { type: ["service", "node", "container", "network"] },
} as const;

async function watch(
  { clock, lookup }: Pick<DockerDeps, "clock" | "lookup">,
  discovery: DockerDiscovery,
  { announce, signal }: { readonly announce: Announce; readonly signal: AbortSignal },
): Promise<FailedFetch> {
  const api = await dockerApi(lookup, discovery);
  if (!api.ok) return api;
  const { place, headers } = api.value;
  const path = `/events${filtersQuery(telling[discovery.units ?? "containers"])}`;
  let late: Timer | undefined;
  // What an event says is not read: the list says what there is. dockerd tells that a container died
  // before its own list does, and nothing after that.
  const onChunk = (): void => {
    announce("changed");
    late?.stop();
    late = clock.after(lateListMs, () => announce("changed"));
  };
  const stream = { onBegin: () => announce("standing"), onChunk };
  try {
    return await httpStream({ clock, call: { place, headers, path } }, stream, signal);
  } finally {
    late?.stop();
  }
}
