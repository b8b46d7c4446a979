import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { kubernetesWatchMs, kubernetesWatchMsMax, watchRetryFirstMs } from "#shared/base/limits.ts";

import {
  failedFetch,
  type Announce,
  type DiscoverySource,
  type FailedFetch,
} from "../discovery.ts";
import { httpStream, placeName } from "../http/http-source.ts";
import type { Got } from "../http/tls-material.ts";
import {
  kubernetesApi,
  listSlices,
  slicesCall,
  type KubernetesApi,
  type KubernetesDiscovery,
  type OwnCluster,
} from "./kubernetes-api.ts";
import { sliceBackends } from "./slice-backends.ts";
import { WatchEvents } from "./watch-events.ts";

export interface KubernetesDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly transport: "tcp" | "udp";
  readonly own: OwnCluster;
}

/** Backends from the EndpointSlices of a Kubernetes service, watched by the API's own watch. */
export function kubernetesSource(
  deps: KubernetesDeps,
  discovery: KubernetesDiscovery,
): DiscoverySource {
  const { transport } = deps;
  return {
    fetch: async (signal) => {
      const api = await kubernetesApi(deps, discovery);
      if (!api.ok) return api;
      const list = await listSlices(api.value, {}, signal);
      return list.ok ? sliceBackends(list.value.items, { discovery, transport }) : list;
    },
    watch: (announce, signal) => watch({ deps, discovery, signal }, announce),
  };
}

interface Watching {
  readonly deps: KubernetesDeps;
  readonly discovery: KubernetesDiscovery;
  readonly signal: AbortSignal;
}

/**
 * The server ends a watch in order after a while: then the next one goes on where it was. After
 * anything else, a version that is gone (410) too, whoever keeps the watch begins anew with a list.
 */
async function watch(watching: Watching, announce: Announce): Promise<FailedFetch> {
  const { deps, discovery, signal } = watching;
  let version: string | undefined;
  for (;;) {
    const startedMs = deps.clock.monotonicMs();
    // oxlint-disable-next-line no-await-in-loop -- a token may have been renewed since the last one
    const api = await kubernetesApi(deps, discovery);
    if (!api.ok) return api;
    // oxlint-disable-next-line no-await-in-loop -- each watch goes on where the one before has ended
    const from = await (version === undefined ? newestVersion(api.value, signal) : known(version));
    if (!from.ok) return from;
    const events = new WatchEvents(from.value);
    // oxlint-disable-next-line no-await-in-loop -- the same
    const end = await stream(watching, { api: api.value, events }, announce);
    if (end.code === "gone") announce("changed");
    if (end.code !== "ended") return end;
    // Without this a server that ends each watch at once would be asked without end.
    if (deps.clock.monotonicMs() - startedMs < watchRetryFirstMs) return end;
    ({ version } = events);
  }
}

function known(version: string): Got<string> {
  return { ok: true, value: version };
}

async function newestVersion(api: KubernetesApi, signal: AbortSignal): Promise<Got<string>> {
  const list = await listSlices(api, { limit: "1" }, signal);
  return list.ok ? { ok: true, value: list.value.metadata.resourceVersion } : list;
}

interface Stream {
  readonly api: KubernetesApi;
  readonly events: WatchEvents;
}

async function stream(
  { deps, signal }: Watching,
  { api, events }: Stream,
  announce: Announce,
): Promise<FailedFetch> {
  const over = Promise.withResolvers<FailedFetch>();
  const ended = new AbortController();
  const end = (why: FailedFetch): void => {
    over.resolve(why);
    ended.abort();
  };
  const name = placeName(api.place);
  const timer = deps.clock.after(kubernetesWatchMsMax, () =>
    end(failedFetch("timeout", `${name}: the watch did not end in time`)),
  );
  const query = {
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: events.version,
    timeoutSeconds: String(kubernetesWatchMs / 1_000),
  };
  const signals = AbortSignal.any([signal, ended.signal]);
  const onChunk = (chunk: Buffer): void => {
    const news = events.read(chunk);
    if (news.isChanged) announce("changed");
    if (news.end !== undefined) end(news.end);
  };
  const whole = httpStream(
    { clock: deps.clock, call: slicesCall(api, query) },
    { onBegin: () => announce("standing"), onChunk },
    signals,
  );
  // What was heard counts more than how the connection then ended.
  return whole
    .then((why) => (ended.signal.aborted ? over.promise : why))
    .finally(() => timer.stop());
}
