import { z } from "zod";

import { sourceQuestionsAtOnceMax } from "#shared/base/limits.ts";

import { failedFetch, type Fetched } from "../discovery.ts";
import { Gathering } from "../gathering.ts";
import { inTurns } from "../in-turns.ts";
import {
  containerSchema,
  labelledFields,
  ownAddress,
  publishedPlaces,
  type Container,
  type Place,
} from "./container.ts";
import { askDocker, filtersQuery, type DockerApi, type DockerDiscovery } from "./docker-api.ts";

export interface ContainerTerms {
  readonly api: DockerApi;
  readonly discovery: DockerDiscovery;
  readonly transport: "tcp" | "udp";
  readonly signal: AbortSignal;
}

/** Backends from the running containers that have the label. */
export async function containerBackends(terms: ContainerTerms): Promise<Fetched> {
  const { api, discovery, signal } = terms;
  const label = discovery.containerLabel;
  const filters = { status: ["running"], ...(label === undefined ? {} : { label: [label] }) };
  const listed = await askDocker(api, `/containers/json${filtersQuery(filters)}`, signal);
  if (!listed.ok) return listed;
  const containers = z.array(containerSchema).safeParse(listed.value);
  if (!containers.success) return failedFetch("bad-answer", "no list of containers was answered");
  const hosts = await inTurns(containers.data, sourceQuestionsAtOnceMax, (container) =>
    hostVariable(container, terms),
  );
  const gathering = new Gathering();
  let isSettled = true;
  for (const [index, container] of containers.data.entries()) {
    if (!gathering.hasRoom()) break;
    const places = placesOf(container, terms);
    const name = `the container ${container.Id.slice(0, 12)}`;
    if (places.length === 0) {
      isSettled = false;
      gathering.skip(`${name} ${whyNoPlace(discovery)}`, { isMeant: isMeant(discovery) });
    }
    for (const { host, port } of places) {
      const found = { ...labelledFields(container.Labels), host: hosts[index] ?? host, port };
      gathering.find(found, name);
    }
  }
  // A container's address can come a moment after its start; a published port never comes later.
  const isUnsettled = !isSettled && discovery.address === "container";
  return { ...gathering.list(), ...(isUnsettled ? { isUnsettled } : {}) };
}

function placesOf(
  container: Container,
  { api, discovery, transport }: ContainerTerms,
): readonly Place[] {
  const { hostAddress } = api;
  const privatePort = discovery.containerPrivatePort;
  if (discovery.address !== "container") {
    return publishedPlaces(container, { privatePort, transport, hostAddress });
  }
  const host = ownAddress(container, { network: discovery.network, hostAddress });
  return host === undefined ? [] : [{ host, port: privatePort }];
}

/**
 * Whether what has no place was meant: where no label says so, it is what publishes the port, or has
 * an address in the network.
 */
export function isMeant({ containerLabel, address, network }: DockerDiscovery): boolean {
  return containerLabel !== undefined || (address === "container" && network === undefined);
}

function whyNoPlace({ address, containerPrivatePort, network }: DockerDiscovery): string {
  if (address !== "container") return `does not publish its port ${containerPrivatePort}`;
  return network === undefined ? "has no address" : `has no address in the network ${network}`;
}

const environmentSchema = z.object({
  Config: z.object({ Env: z.array(z.string()).nullish() }).nullish(),
});

/** The value of the environment variable that holds a container's host, where one is asked for. */
async function hostVariable(
  { Id }: Container,
  { api, discovery, signal }: ContainerTerms,
): Promise<string | undefined> {
  const name = discovery.containerHostEnvVar;
  if (name === undefined) return undefined;
  const asked = await askDocker(api, `/containers/${encodeURIComponent(Id)}/json`, signal);
  // One that ended between the two questions is not listed the next time.
  const details = asked.ok ? environmentSchema.safeParse(asked.value) : undefined;
  const variables = details?.success === true ? (details.data.Config?.Env ?? []) : [];
  const value = variables.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  return value === "" ? undefined : value;
}
