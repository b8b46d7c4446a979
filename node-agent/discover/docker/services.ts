import { z } from "zod";

import { failedFetch, type Fetched } from "../discovery.ts";
import { Gathering } from "../gathering.ts";
import type { Got } from "../http/tls-material.ts";
import { labelledFields, type Place } from "./container.ts";
import type { ContainerTerms } from "./containers.ts";
import { askDocker, filtersQuery } from "./docker-api.ts";

const serviceSchema = z.object({
  ID: z.string(),
  Spec: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
});

const taskSchema = z.object({
  ServiceID: z.string(),
  NodeID: z.string().nullish(),
  Status: z.object({
    State: z.string(),
    PortStatus: z
      .object({
        Ports: z
          .array(
            z.object({
              Protocol: z.string().nullish(),
              TargetPort: z.number(),
              PublishedPort: z.number().nullish(),
            }),
          )
          .nullish(),
      })
      .nullish(),
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

type Task = z.output<typeof taskSchema>;

/**
 * Backends from the running tasks of a swarm's services that have the label: the task's address in
 * an overlay network and the private port, or the port that it publishes on its node (`mode=host`).
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
  const labels = new Map(services.value.map(({ ID, Spec }) => [ID, Spec.Labels]));
  const addresses = new Map(nodes.value.map(({ ID, Status }) => [ID, Status.Addr ?? ""]));
  const gathering = new Gathering();
  for (const task of tasks.value.filter((one) => isServing(one, labels))) {
    if (!gathering.hasRoom()) break;
    const places = placesOf(task, { terms, nodeAddress: addresses.get(task.NodeID ?? "") ?? "" });
    const name = `a task of the service ${task.ServiceID.slice(0, 12)}`;
    if (places.length === 0) gathering.skip(`${name} cannot be reached from outside`);
    for (const place of places) {
      gathering.find({ ...labelledFields(labels.get(task.ServiceID)), ...place }, name);
    }
  }
  return gathering.list();
}

function isServing({ ServiceID, Status }: Task, services: ReadonlyMap<string, unknown>): boolean {
  return services.has(ServiceID) && Status.State === "running";
}

interface TaskTerms {
  readonly terms: ContainerTerms;
  readonly nodeAddress: string;
}

function placesOf(task: Task, { terms, nodeAddress }: TaskTerms): readonly Place[] {
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
  return (task.Status.PortStatus?.Ports ?? []).flatMap((row) =>
    row.TargetPort === port && (row.Protocol ?? "tcp") === transport && row.PublishedPort
      ? [{ host, port: row.PublishedPort }]
      : [],
  );
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
