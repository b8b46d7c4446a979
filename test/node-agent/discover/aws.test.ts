import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  CreateTagsCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateHttpNamespaceCommand,
  CreateServiceCommand,
  ListNamespacesCommand,
  RegisterInstanceCommand,
  ServiceDiscoveryClient,
} from "@aws-sdk/client-servicediscovery";
import { beforeAll, describe, expect, onTestFinished, test, vi, type TestContext } from "vitest";

import { startMoto, type Moto, type MotoSearch } from "../../support/moto.ts";
import { page, startPages } from "../../support/page-server.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { fetchOnce, targetsOf } from "./source-under-test.ts";

const cleanup = suiteCleanup();
let search: MotoSearch;
beforeAll(async () => {
  search = await startMoto(cleanup);
}, 150_000);

/** With nothing in it: neither of a test before, nor of this one's try before. */
async function motoOf(context: TestContext): Promise<Moto> {
  if (search.kind === "none") return context.skip(search.why);
  const { moto } = search;
  const reset = await fetch(`${moto.endpoint}/moto-api/reset`, { method: "POST" });
  expect(reset.status).toBe(200);
  return moto;
}

const credentials = { accessKeyId: "AKIDTEST", secretAccessKey: "hush-hush" };
const region = "eu-central-1";

type Terms = Readonly<Record<string, unknown>>;

/** What all kinds have when they ask moto. */
function aws({ endpoint }: Moto, terms: Terms): Terms {
  return { endpoint, region, credentials, ...terms };
}

async function instance(
  client: EC2Client,
  tags: Readonly<Record<string, string>>,
): Promise<{ readonly id: string; readonly address: string }> {
  const run = new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 });
  const [started] = (await client.send(run)).Instances ?? [];
  const id = started?.InstanceId ?? "";
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await client.send(new CreateTagsCommand({ Resources: [id], Tags }));
  return { id, address: started?.PrivateIpAddress ?? "" };
}

describe("ec2 discovery from AWS as moto plays it", () => {
  test("running instances with all the tags, and what their tags say of weight and tier", async (context) => {
    const moto = await motoOf(context);
    const client = new EC2Client(moto.client);
    const one = await instance(client, { role: "web", stage: "live", weight: "3" });
    const other = await instance(client, { role: "web", stage: "live", "midstream.priority": "2" });
    await instance(client, { role: "web", stage: "test" });
    const gone = await instance(client, { role: "web", stage: "live" });
    await client.send(new TerminateInstancesCommand({ InstanceIds: [gone.id] }));

    const tags = [
      { key: "role", values: ["web", "app"] },
      { key: "stage", values: ["live"] },
    ];
    const answer = await fetchOnce(aws(moto, { kind: "ec2", tags, port: 8080 }));

    expect(targetsOf(answer).toSorted()).toEqual(
      [`${one.address}:8080`, `${other.address}:8080`].toSorted(),
    );
    expect(answer).toMatchObject({
      backends: expect.arrayContaining([
        expect.objectContaining({ host: one.address, weight: 3 }),
        expect.objectContaining({ host: other.address, priority: 2 }),
      ]),
    });
    const all = await fetchOnce(aws(moto, { kind: "ec2", tags: [{ key: "stage" }], port: 80 }));
    expect(targetsOf(all)).toHaveLength(3);
  });

  test("more instances than one page holds are all found", async (context) => {
    const moto = await motoOf(context);
    const client = new EC2Client(moto.client);
    const Tags = [{ Key: "fleet", Value: "big" }];
    const TagSpecifications = [{ ResourceType: "instance" as const, Tags }];
    const run = { ImageId: "ami-12c6146b", MinCount: 250, MaxCount: 250, TagSpecifications };
    await client.send(new RunInstancesCommand(run));
    const tags = [{ key: "fleet" }];
    const answer = await fetchOnce(aws(moto, { kind: "ec2", tags, port: 80 }));
    expect(new Set(targetsOf(answer)).size).toBe(250);
  });

  test("with a role: it is taken on with the credentials first", async (context) => {
    const moto = await motoOf(context);
    const client = new EC2Client(moto.client);
    const { address } = await instance(client, { role: "roled" });
    const role = {
      arn: "arn:aws:iam::123456789012:role/discovery",
      externalId: "midstream",
      endpoint: moto.endpoint,
    };
    const tags = [{ key: "role", values: ["roled"] }];
    const answer = await fetchOnce(aws(moto, { kind: "ec2", tags, port: 80, role }));
    // moto lets anybody see everything: this shows that it understands the call, not who asked.
    expect(targetsOf(answer)).toEqual([`${address}:80`]);
  });
});

describe("cloudmap discovery from AWS as moto plays it", () => {
  test("a service's instances with their ports and attributes; without a usable address they are skipped", async (context) => {
    const moto = await motoOf(context);
    const client = new ServiceDiscoveryClient({ ...moto.client, disableHostPrefix: true });
    await client.send(new CreateHttpNamespaceCommand({ Name: "shop" }));
    const { Namespaces = [] } = await client.send(new ListNamespacesCommand({}));
    const NamespaceId = Namespaces.find(({ Name }) => Name === "shop")?.Id ?? "";
    const created = await client.send(new CreateServiceCommand({ Name: "web", NamespaceId }));
    const ServiceId = created.Service?.Id ?? "";
    const register = (InstanceId: string, Attributes: Record<string, string>) =>
      client.send(new RegisterInstanceCommand({ ServiceId, InstanceId, Attributes }));
    await register("a", { AWS_INSTANCE_IPV4: "10.0.0.1", AWS_INSTANCE_PORT: "8080", weight: "4" });
    await register("b", { AWS_INSTANCE_IPV4: "10.0.0.2" });
    await register("c", { AWS_INSTANCE_PORT: "80" });

    const which = { kind: "cloudmap", namespaceName: "shop", serviceName: "web", port: 81 };
    const answer = await fetchOnce(aws(moto, which));

    expect(targetsOf(answer).toSorted()).toEqual(["10.0.0.1:8080", "10.0.0.2:81"]);
    expect(answer).toMatchObject({
      backends: expect.arrayContaining([expect.objectContaining({ weight: 4 })]),
      skipped: { count: 1, detail: "the instance c has no usable host and port" },
    });
  });

  test("a namespace that is not there is a failure with AWS' own name for it", async (context) => {
    const moto = await motoOf(context);
    const which = { kind: "cloudmap", namespaceName: "nowhere", serviceName: "web" };
    expect(await fetchOnce(aws(moto, which))).toMatchObject({ ok: false, code: "bad-status" });
  });
});

describe("ecs discovery from recorded answers", () => {
  const cluster = "shop";
  const taskArn = (name: string): string => `arn:aws:ecs:eu-central-1:1:task/shop/${name}`;
  const containerInstanceArn = "arn:aws:ecs:eu-central-1:1:container-instance/shop/i";

  /** Tasks as `DescribeTasks` shows them: with an address of their own, on a host, and one that stops. */
  const tasks = [
    {
      taskArn: taskArn("own"),
      lastStatus: "RUNNING",
      attachments: [
        {
          type: "ElasticNetworkInterface",
          details: [{ name: "privateIPv4Address", value: "10.0.1.7" }],
        },
      ],
    },
    {
      taskArn: taskArn("guest"),
      lastStatus: "RUNNING",
      containerInstanceArn,
      containers: [
        { name: "side", networkBindings: [{ containerPort: 8080, hostPort: 40_001 }] },
        {
          name: "web",
          networkBindings: [
            { containerPort: 8080, hostPort: 40_002, protocol: "udp" },
            { containerPort: 8080, hostPort: 40_003, protocol: "tcp" },
          ],
        },
      ],
    },
    { taskArn: taskArn("portless"), lastStatus: "RUNNING", containerInstanceArn, containers: [] },
    { taskArn: taskArn("ending"), lastStatus: "DEPROVISIONING" },
  ];

  const answers: Readonly<Record<string, unknown>> = {
    ListTasks: { taskArns: tasks.map((task) => task.taskArn) },
    DescribeTasks: { tasks },
    DescribeContainerInstances: {
      containerInstances: [{ containerInstanceArn, ec2InstanceId: "i-0abc" }],
    },
  };
  const described =
    "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>" +
    "<instanceId>i-0abc</instanceId><privateIpAddress>10.0.2.9</privateIpAddress>" +
    "</item></instancesSet></item></reservationSet></DescribeInstancesResponse>";

  test("running tasks: their own address, or the port that their instance publishes for the transport", async () => {
    const pages = await startPages((request, response) => {
      const target = request.headers["x-amz-target"];
      const name = typeof target === "string" ? (target.split(".").at(-1) ?? "") : "";
      response.end(name === "" ? described : JSON.stringify(answers[name]));
    });
    const which = { cluster, serviceName: "web", containerName: "web", containerPort: 8080 };
    const endpoints = { endpoint: pages.origin, ec2Endpoint: pages.origin };
    const answer = await fetchOnce({ kind: "ecs", region, credentials, ...endpoints, ...which });
    expect(targetsOf(answer)).toEqual(["10.0.1.7:8080", "10.0.2.9:40003"]);
    expect(answer).toMatchObject({
      skipped: { count: 1, detail: "the task portless has no usable host and port" },
    });
  });
});

describe("whose credentials sign what is asked", () => {
  const ec2 = { kind: "ec2", region, tags: [{ key: "role" }], port: 80 };
  const nothing = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";

  /** Of this process, so that nothing of the host counts that runs the tests. */
  function environment(names: Readonly<Record<string, string>>): void {
    const nowhere = "/no/such/file";
    const given = {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_SESSION_TOKEN: undefined,
      AWS_PROFILE: undefined,
      AWS_ROLE_ARN: undefined,
      AWS_WEB_IDENTITY_TOKEN_FILE: undefined,
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: undefined,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined,
      AWS_CONFIG_FILE: nowhere,
      AWS_SHARED_CREDENTIALS_FILE: nowhere,
      AWS_EC2_METADATA_DISABLED: "true",
      ...names,
    };
    for (const [name, value] of Object.entries(given)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
  }

  test("without any of its own the agent's environment", async () => {
    const { origin, requests } = await startPages(page(nothing));
    environment({ AWS_ACCESS_KEY_ID: "AKIDNODE", AWS_SECRET_ACCESS_KEY: "hush" });
    expect(await fetchOnce({ ...ec2, endpoint: origin })).toMatchObject({ ok: true });
    expect(requests[0]?.headers.authorization).toContain("Credential=AKIDNODE/");
    await fetchOnce({ ...ec2, endpoint: origin, credentials });
    expect(requests[1]?.headers.authorization).toContain("Credential=AKIDTEST/");
  });

  test("or its user's files", async () => {
    const { origin, requests } = await startPages(page(nothing));
    const file = join(await temporaryFolder(onTestFinished), "credentials");
    environment({ AWS_SHARED_CREDENTIALS_FILE: file });
    const profile = (id: string): string =>
      `[default]\naws_access_key_id = ${id}\naws_secret_access_key = hush\n`;
    await writeFile(file, profile("AKIDFILE"));
    expect(await fetchOnce({ ...ec2, endpoint: origin })).toMatchObject({ ok: true });
    expect(requests[0]?.headers.authorization).toContain("Credential=AKIDFILE/");
  });

  test("a node that has none is a failure that says so, and nobody is asked", async () => {
    const { origin, requests } = await startPages(page(nothing));
    environment({});
    const role = { arn: "arn:aws:iam::123456789012:role/discovery", endpoint: origin };
    for (const terms of [{}, { role }]) {
      expect(await fetchOnce({ ...ec2, endpoint: origin, ...terms })).toMatchObject({
        ok: false,
        code: "no-credentials",
      });
    }
    expect(requests).toEqual([]);
  });

  test("with a role what was given for it, and it is asked for with the node's own", async () => {
    const { origin, requests } = await startPages(page(nothing));
    const given =
      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>" +
      "<SecretAccessKey>hush</SecretAccessKey><SessionToken>token-of-the-role</SessionToken>" +
      "<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    const sts = await startPages(page(given));
    environment({ AWS_ACCESS_KEY_ID: "AKIDNODE", AWS_SECRET_ACCESS_KEY: "hush" });
    const role = { arn: "arn:aws:iam::123456789012:role/discovery", endpoint: sts.origin };
    expect(await fetchOnce({ ...ec2, endpoint: origin, role })).toMatchObject({ ok: true });
    expect(sts.requests[0]?.headers.authorization).toContain("Credential=AKIDNODE/");
    expect(requests[0]?.headers.authorization).toContain("Credential=ASIAROLE/");
    expect(requests[0]?.headers["x-amz-security-token"]).toBe("token-of-the-role");
  });
});

describe("an AWS that does not answer as it should", () => {
  const tags = [{ key: "role" }];
  const ec2 = { kind: "ec2", region, credentials, tags, port: 80 };

  test("nobody there, an error, and nonsense are failures; no secret is told", async () => {
    const refused =
      "<Response><Errors><Error><Code>AuthFailure</Code><Message>hush-hush</Message></Error></Errors></Response>";
    const pages = await startPages(page(refused, 401));
    const failures = [
      await fetchOnce({ ...ec2, endpoint: pages.origin }),
      await fetchOnce({ ...ec2, endpoint: "http://127.0.0.1:1" }),
    ];
    pages.answer = page("no XML <", 200);
    failures.push(await fetchOnce({ ...ec2, endpoint: pages.origin }));
    expect(failures).toMatchObject([
      { ok: false, code: "bad-status", detail: "eu-central-1: AuthFailure" },
      { ok: false, code: "unreachable" },
      { ok: false },
    ]);
    expect(JSON.stringify(failures)).not.toContain("hush-hush");
  });

  test("an answer without end is cut off, and a fetch that is stopped ends", async () => {
    const pages = await startPages((_, response) => {
      const more = (): void => {
        while (response.write("x".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    });
    expect(await fetchOnce({ ...ec2, endpoint: pages.origin })).toMatchObject({
      ok: false,
      code: "too-big",
    });
    pages.answer = () => undefined;
    const ended = new AbortController();
    const fetched = fetchOnce({ ...ec2, endpoint: pages.origin }, ended.signal);
    ended.abort();
    expect(await fetched).toMatchObject({ ok: false });
  });
});
