import type { ECSClient, Task } from "@aws-sdk/client-ecs";

import { ecsTasksPerCall } from "#shared/base/limits.ts";

import type { AwsTerms } from "./aws-terms.ts";

/** Where to ask. */
interface Cluster {
  readonly cluster: string;
  readonly ec2Endpoint?: string | undefined;
}

interface HostsClients {
  readonly client: ECSClient;
  readonly terms: AwsTerms;
}

/** Private addresses of the instances that tasks run on, by the ARN of the container instance. */
export async function hostsOfTasks(
  { client, terms }: HostsClients,
  { cluster, ec2Endpoint }: Cluster,
  tasks: readonly Task[],
): Promise<ReadonlyMap<string, string>> {
  const arns = [
    ...new Set(tasks.flatMap(({ containerInstanceArn }) => containerInstanceArn ?? [])),
  ];
  if (arns.length === 0) return new Map();
  const { DescribeContainerInstancesCommand } = await import("@aws-sdk/client-ecs");
  const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const { endpoint: _, ...common } = terms;
  const ec2 = new EC2Client({
    ...common,
    ...(ec2Endpoint === undefined ? {} : { endpoint: ec2Endpoint }),
  });
  const hosts = new Map<string, string>();
  for (let from = 0; from < arns.length; from += ecsTasksPerCall) {
    const containerInstances = arns.slice(from, from + ecsTasksPerCall);
    // oxlint-disable-next-line no-await-in-loop -- so many at a time
    const described = await client.send(
      new DescribeContainerInstancesCommand({ cluster, containerInstances }),
    );
    const ids = new Map(
      (described.containerInstances ?? []).map((one) => [
        one.ec2InstanceId ?? "",
        one.containerInstanceArn ?? "",
      ]),
    );
    // oxlint-disable-next-line no-await-in-loop -- so many at a time
    const answer = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...ids.keys()] }));
    const instances = (answer.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
    for (const { InstanceId = "", PrivateIpAddress } of instances) {
      const arn = ids.get(InstanceId);
      if (arn !== undefined && PrivateIpAddress !== undefined) hosts.set(arn, PrivateIpAddress);
    }
  }
  return hosts;
}
