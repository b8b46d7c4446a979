import { z } from "zod";

import { failedFetch, type Fetched } from "../discovery.ts";
import { Gathering } from "../gathering.ts";
import type { Got } from "../http/tls-material.ts";
import { labelledFields, uniquePlaces, type Place } from "./container.ts";
import { isMeant, type ContainerTerms } from "./containers.ts";
import { askDocker, filtersQuery } from "./docker-api.ts";

const portsSchema = z
  .array(
    z.object({
      Protocol: z.string().nullish(),
      TargetPort: z.number().nullish(),
      PublishedPort: z.number().nullish(),
    }),
  )
  .nullish();

const serviceSchema = z.object({
  ID: z.string(),
  Spec: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
  Endpoint: z.object({ Ports: portsSchema }).nullish(),
});

const taskSchema = z.object({
  ServiceID: z.string(),
  NodeID: z.string().nullish(),
  Status: z.object({
    State: z.string(),
    PortStatus: z.object({ Ports: portsSchema }).nullish(),
  }),
  NetworksAttachments: z
    .array(
      z.object({
        Network: z.object({ Spec: z.object({ Name: z.string() }) }),
        Addresses: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
});

const nodeSchema = z.object({
  ID: z.string(),
  Status: z.object({ Addr: z.string().nullish() }),
});

type Service = z.output<typeof serviceSchema>;
type Task = z.output<typeof taskSchema>;

/**
 * Backends from the running tasks of a swarm's services that have the label: the task's address in
 * an overlay network and the private port, or its node with the port that the task (`mode=host`) or
 * the service (`mode=ingress`) publishes.
 */
export async function serviceBackends(terms: ContainerTerms): Promise<Fetched> {
  const label = terms.discovery.containerLabel;
  const services = await listOf(serviceSchema, terms, {
    path: "/services",
    filters: label === undefined ? {} : { label: [label] },
  });
  if (!services.ok) return services;
  const running = { "desired-state": ["running"] };
  const tasks = await listOf(taskSchema, terms, { path: "/tasks", filters: running });
  if (!tasks.ok) return tasks;
  const nodes = await listOf(nodeSchema, terms, { path: "/nodes", filters: {} });
  if (!nodes.ok) return nodes;
  const known = new Map(services.value.map((service) => [service.ID, service]));
  const addresses = new Map(nodes.value.map(({ ID, Status }) => [ID, Status.Addr ?? ""]));
  const gathering = new Gathering();
  for (const task of tasks.value.filter(({ Status }) => Status.State === "running")) {
    const service = known.get(task.ServiceID);
    if (service === undefined) continue;
    if (!gathering.hasRoom()) break;
    const nodeAddress = addresses.get(task.NodeID ?? "") ?? "";
    const places = placesOf(task, { terms, nodeAddress, service });
    const name = `a task of the service ${task.ServiceID.slice(0, 12)}`;
    if (places.length === 0) {
      gathering.skip(`${name} cannot be reached from outside`, {
        isMeant: isMeant(terms.discovery),
      });
    }
    for (const place of places) {
      gathering.find({ ...labelledFields(service.Spec.Labels), ...place }, name);
    }
  }
  return gathering.list();
}

interface TaskTerms {
  readonly terms: ContainerTerms;
  readonly service: Service;
  readonly nodeAddress: string;
}

function placesOf(task: Task, { terms, service, nodeAddress }: TaskTerms): readonly Place[] {
  const { discovery, transport, api } = terms;
  const port = discovery.containerPrivatePort;
  if (discovery.address === "container") {
    const networks = (task.NetworksAttachments ?? []).filter(
      ({ Network }) =>
        Network.Spec.Name !== "ingress" &&
        (discovery.network === undefined || Network.Spec.Name === discovery.network),
    );
    const address = networks.flatMap(({ Addresses }) => Addresses ?? [])[0];
    // Written with the length of the network's prefix.
    const host = address?.split("/", 1)[0];
    return host === undefined ? [] : [{ host, port }];
  }
  const host = ["", "0.0.0.0", "127.0.0.1"].includes(nodeAddress) ? api.hostAddress : nodeAddress;
  const published = [...(task.Status.PortStatus?.Ports ?? []), ...(service.Endpoint?.Ports ?? [])];
  const places = published.flatMap((row) =>
    row.TargetPort === port && (row.Protocol ?? "tcp") === transport && row.PublishedPort
      ? [{ host, port: row.PublishedPort }]
      : [],
  );
  return uniquePlaces(places);
}

interface ListQuestion {
  readonly path: string;
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

async function listOf<T>(
  schema: z.ZodType<T>,
  { api, signal }: ContainerTerms,
  { path, filters }: ListQuestion,
): Promise<Got<readonly T[]>> {
  const asked = await askDocker(api, `${path}${filtersQuery(filters)}`, signal);
  if (!asked.ok) return asked;
  const list = z.array(schema).safeParse(asked.value);
  if (list.success) return { ok: true, value: list.data };
  return failedFetch("bad-answer", `no list was answered for ${path}`);
}
