import type { LookupFunction } from "node:net";

import type { z } from "zod";

import { awsPageItems } from "#shared/base/limits.ts";
import type { cloudMapDiscoverySchema } from "#shared/definition/discovery/cloud-map.ts";

import type { DiscoverySource, Fetched } from "../discovery.ts";
import { labelledFields } from "../docker/container.ts";
import { Gathering } from "../gathering.ts";
import { wholeNumber } from "../read-backend.ts";
import { awsFetch, type AwsTerms } from "./aws-terms.ts";

export type CloudMapDiscovery = z.output<typeof cloudMapDiscoverySchema>;

/** Backends from a service's instances in AWS Cloud Map (`DiscoverInstances`, which knows no pages). */
export function cloudMapSource(
  lookup: LookupFunction,
  discovery: CloudMapDiscovery,
): DiscoverySource {
  return { fetch: awsFetch(lookup, discovery, (terms) => ask(terms, discovery)) };
}

async function ask(terms: AwsTerms, discovery: CloudMapDiscovery): Promise<Fetched> {
  const { DiscoverInstancesCommand, ServiceDiscoveryClient } =
    await import("@aws-sdk/client-servicediscovery");
  const client = new ServiceDiscoveryClient(terms);
  const answer = await client.send(
    new DiscoverInstancesCommand({
      NamespaceName: discovery.namespaceName,
      ServiceName: discovery.serviceName,
      HealthStatus: discovery.healthStatus ?? "HEALTHY_OR_ELSE_ALL",
      MaxResults: awsPageItems,
    }),
  );
  const gathering = new Gathering();
  for (const { InstanceId = "", Attributes = {} } of answer.Instances ?? []) {
    if (!gathering.hasRoom()) break;
    const port = wholeNumber(Attributes["AWS_INSTANCE_PORT"]) ?? discovery.port ?? 0;
    const found = { host: hostOf(Attributes), port, ...labelledFields(Attributes) };
    gathering.find(found, `the instance ${InstanceId}`);
  }
  return gathering.list();
}

function hostOf(attributes: Readonly<Record<string, string>>): string {
  const names = ["AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6", "AWS_INSTANCE_CNAME"];
  return names.map((name) => attributes[name]).find((value) => value !== undefined) ?? "";
}
