import type { LookupFunction } from "node:net";

import type { ECSClient, ListTasksCommandOutput, Task } from "@aws-sdk/client-ecs";
import type { z } from "zod";

import { awsPagesMax, ecsTasksPerCall } from "#shared/base/limits.ts";
import type { ecsDiscoverySchema } from "#shared/definition/discovery/ecs.ts";

import type { DiscoverySource, Fetched } from "../discovery.ts";
import { Gathering } from "../gathering.ts";
import { awsFetch, type AwsTerms } from "./aws-terms.ts";
import { hostsOfTasks } from "./ecs-hosts.ts";

export type EcsDiscovery = z.output<typeof ecsDiscoverySchema>;

export interface EcsDeps {
  readonly lookup: LookupFunction;
  /** What a task's port is published for. */
  readonly transport: "tcp" | "udp";
}

/**
 * Backends from the running tasks of an ECS service: their own address, or the port that their
 * instance publishes for them.
 */
export function ecsSource(
  { lookup, transport }: EcsDeps,
  discovery: EcsDiscovery,
): DiscoverySource {
  const asking = { discovery, transport };
  return { fetch: awsFetch(lookup, discovery, (terms) => ask(terms, asking)) };
}

interface Asking extends Pick<EcsDeps, "transport"> {
  readonly discovery: EcsDiscovery;
}

async function ask(terms: AwsTerms, asking: Asking): Promise<Fetched> {
  const { discovery } = asking;
  const sdk = await import("@aws-sdk/client-ecs");
  const client = new sdk.ECSClient(terms);
  const tasks = await runningTasks(client, discovery);
  const guests = tasks.filter((task) => ownAddressOf(task) === undefined);
  const hosts = await hostsOfTasks({ client, terms }, discovery, guests);
  const gathering = new Gathering();
  for (const task of tasks) {
    if (!gathering.hasRoom()) break;
    const place = placeOf(task, { ...asking, hosts });
    gathering.find(place ?? { host: "", port: 0 }, `the task ${idOf(task)}`);
  }
  return gathering.list();
}

async function runningTasks(
  client: ECSClient,
  { cluster, serviceName }: EcsDiscovery,
): Promise<readonly Task[]> {
  const { DescribeTasksCommand, ListTasksCommand } = await import("@aws-sdk/client-ecs");
  const which = {
    cluster,
    serviceName,
    desiredStatus: "RUNNING",
    maxResults: ecsTasksPerCall,
  } as const;
  const found: Task[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < awsPagesMax; page += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next
    const listed: ListTasksCommandOutput = await client.send(
      new ListTasksCommand({ ...which, nextToken }),
    );
    const tasks = listed.taskArns ?? [];
    if (tasks.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- as many as one page has
      const described = await client.send(new DescribeTasksCommand({ cluster, tasks }));
      found.push(...(described.tasks ?? []));
    }
    ({ nextToken } = listed);
    if (nextToken === undefined) break;
  }
  return found.filter(({ lastStatus }) => lastStatus === "RUNNING");
}

interface Placing extends Asking {
  /** Addresses of instances, by the ARN of the container instance. */
  readonly hosts: ReadonlyMap<string, string>;
}

/** Undefined when the task has no place for the port. */
function placeOf(
  task: Task,
  { discovery, transport, hosts }: Placing,
): { readonly host: string; readonly port: number } | undefined {
  const { containerName, containerPort } = discovery;
  const own = ownAddressOf(task);
  if (own !== undefined) return { host: own, port: containerPort };
  const host = hosts.get(task.containerInstanceArn ?? "");
  const bindings = (task.containers ?? [])
    .filter(({ name }) => containerName === undefined || name === containerName)
    .flatMap(({ networkBindings = [] }) => networkBindings);
  const binding = bindings.find(
    ({ containerPort: port, protocol = "tcp" }) => port === containerPort && protocol === transport,
  );
  if (host === undefined || binding?.hostPort === undefined) return undefined;
  return { host, port: binding.hostPort };
}

/** The address of a task with a network interface of its own (`awsvpc`). */
function ownAddressOf({ attachments = [] }: Task): string | undefined {
  const details = attachments
    .filter(({ type }) => type === "ElasticNetworkInterface" || type === "eni")
    .flatMap((attachment) => attachment.details ?? []);
  return details.find(({ name }) => name === "privateIPv4Address")?.value;
}

function idOf({ taskArn = "" }: Task): string {
  return taskArn.split("/").at(-1) ?? "";
}
