import type { LookupFunction } from "node:net";

import type { DescribeInstancesCommandOutput, Instance, Tag } from "@aws-sdk/client-ec2";
import type { z } from "zod";

import { awsPageItems, awsPagesMax } from "#shared/base/limits.ts";
import type { ec2DiscoverySchema } from "#shared/definition/discovery/ec2.ts";

import type { DiscoverySource, Fetched } from "../discovery.ts";
import { labelledFields } from "../docker/container.ts";
import { Gathering } from "../gathering.ts";
import { awsFetch, type AwsTerms } from "./aws-terms.ts";

export type Ec2Discovery = z.output<typeof ec2DiscoverySchema>;

/** Backends from the running instances with some tags (EC2's `DescribeInstances`). */
export function ec2Source(lookup: LookupFunction, discovery: Ec2Discovery): DiscoverySource {
  return { fetch: awsFetch(lookup, discovery, (terms) => ask(terms, discovery)) };
}

async function ask(terms: AwsTerms, discovery: Ec2Discovery): Promise<Fetched> {
  // Loaded by whoever asks first: an agent without such a source starts without it.
  const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const client = new EC2Client(terms);
  const gathering = new Gathering();
  const input = { Filters: filtersOf(discovery), MaxResults: awsPageItems };
  let NextToken: string | undefined;
  for (let page = 0; page < awsPagesMax; page += 1) {
    const command = new DescribeInstancesCommand({ ...input, NextToken });
    // oxlint-disable-next-line no-await-in-loop -- each page names the next
    const answer: DescribeInstancesCommandOutput = await client.send(command);
    for (const reservation of answer.Reservations ?? []) {
      for (const instance of reservation.Instances ?? []) {
        if (!gathering.hasRoom()) return gathering.list();
        take(gathering, discovery, instance);
      }
    }
    ({ NextToken } = answer);
    if (NextToken === undefined) return gathering.list();
  }
  gathering.skip("the rest is not read: there are too many");
  return gathering.list();
}

function filtersOf({ tags }: Ec2Discovery): { Name: string; Values: string[] }[] {
  const wanted = tags.map(({ key, values }) =>
    values === undefined
      ? { Name: "tag-key", Values: [key] }
      : { Name: `tag:${key}`, Values: [...values] },
  );
  return [{ Name: "instance-state-name", Values: ["running"] }, ...wanted];
}

function take(gathering: Gathering, { address, port }: Ec2Discovery, instance: Instance): void {
  const host = addressOf(instance, address) ?? "";
  const found = { host, port, ...labelledFields(tagsOf(instance.Tags ?? [])) };
  gathering.find(found, `the instance ${instance.InstanceId ?? ""}`);
}

function addressOf(instance: Instance, which: Ec2Discovery["address"]): string | undefined {
  if (which === "public") return instance.PublicIpAddress;
  return which === "ipv6" ? instance.Ipv6Address : instance.PrivateIpAddress;
}

function tagsOf(tags: readonly Tag[]): Readonly<Record<string, string>> {
  return Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value]));
}
