import { failedFetch, type DiscoverySource, type FailedFetch, type Fetched } from "../discovery.ts";
import {
  badStatus,
  httpCall,
  jsonBody,
  placeName,
  type HttpAnswer,
  type HttpPlace,
} from "../http/http-source.ts";
import { plainSecret } from "../http/tls-material.ts";
import { instanceBackends } from "./instances.ts";
import { lxdPlace, type LxdDeps, type LxdDiscovery } from "./lxd-api.ts";
import { watchLifecycle } from "./lxd-events.ts";

/** Backends from the running instances of an LXD server, watched by its lifecycle events. */
export function lxdSource(deps: LxdDeps, discovery: LxdDiscovery): DiscoverySource {
  return {
    fetch: (signal) => fetchInstances(deps, discovery, signal),
    watch: async (announce, signal) => {
      const place = await lxdPlace(deps, discovery, signal);
      return place.ok
        ? watchLifecycle({ clock: deps.clock, place: place.value }, announce, signal)
        : place;
    },
  };
}

async function fetchInstances(
  deps: LxdDeps,
  discovery: LxdDiscovery,
  signal: AbortSignal,
): Promise<Fetched> {
  const found = await lxdPlace(deps, discovery, signal);
  if (!found.ok) return found;
  const place = found.value;
  const path = "/1.0/instances?recursion=2";
  let answer = await httpCall({ place, path }, signal);
  if (answer.ok && answer.status === 403) {
    const trusted = await gainTrust(place, discovery, signal);
    if (!trusted.ok) return trusted;
    answer = await httpCall({ place, path }, signal);
  }
  if (!answer.ok) return answer;
  const body = jsonBody(answer, place);
  return body.ok ? instanceBackends(body.value, discovery) : body;
}

/** Lets the server trust our certificate, for the trust password; asked only by whom it distrusts. */
async function gainTrust(
  place: HttpPlace,
  { serverRemotePassword }: LxdDiscovery,
  signal: AbortSignal,
): Promise<HttpAnswer | FailedFetch> {
  if (serverRemotePassword === undefined) {
    return failedFetch("untrusted", `${placeName(place)} does not trust this client's certificate`);
  }
  const password = plainSecret(serverRemotePassword);
  if (!password.ok) return password;
  const body = JSON.stringify({ type: "client", name: "midstream", password: password.value });
  const headers = { "content-type": "application/json" };
  const path = "/1.0/certificates";
  const answer = await httpCall({ place, method: "POST", path, headers, body }, signal);
  return answer.ok ? (badStatus(answer.status, place) ?? answer) : answer;
}
