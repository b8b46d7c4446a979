import { randomBytes } from "node:crypto";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { importBaseImage } from "../../support/docker-base-image.ts";
import { importBuildImage } from "../../support/docker-build-image.ts";
import { findDocker, type Docker, type DockerSearch } from "../../support/docker.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { nodeIsConnected } from "../../support/linked-agent.ts";
import { testDatabase } from "../../support/postgres.ts";
import { repository } from "../../support/processes.ts";
import { createBalancer, statsOf } from "../../support/served-balancers.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import { ask } from "../../support/test-client.ts";

const images = { control: "midstream-test/control:1", agent: "midstream-test/agent:1" };
/** As compose.yaml has it. */
const confined = [
  ...["--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"],
  ...["--security-opt", "no-new-privileges:true", "--health-interval", "500ms"],
];
const userId = 10_001;

const cleanup = suiteCleanup();
let search: DockerSearch;

beforeAll(async () => {
  search = await findDocker(cleanup);
  if (search.kind === "none") return;
  const { docker } = search;
  const base = await importBaseImage(cleanup, docker);
  const build = await importBuildImage(cleanup, docker);
  if (build === undefined) throw new Error("no g++ here to build the agent's image with");
  for (const [part, image] of Object.entries(images)) {
    const file = ["--file", `${repository}/infra/docker/Dockerfile.${part}`, "--tag", image];
    const bases = ["--build-arg", `BASE_IMAGE=${base}`, "--build-arg", `BUILD_IMAGE=${build}`];
    const argument = [...bases, "--network", "none"];
    await docker.run(["build", "--quiet", ...file, ...argument, repository]);
  }
}, 600_000);

describe("the images", { timeout: 300_000 }, () => {
  test("serve a tenant's traffic together: not as root, healthy, and stopped in time", async ({
    skip,
    annotate,
  }) => {
    if (search.kind === "none") return skip(search.why);
    const { docker } = search;
    const databaseUrl = ["--env", `DATABASE_URL=${await emptyDatabase()}`];
    await docker.run(["run", "--rm", ...confined, ...databaseUrl, images.control, "migrate"]);
    const port = await freePort();
    const where = ["--env", "MIDSTREAM_HOST=127.0.0.1", "--env", `MIDSTREAM_PORT=${port}`];
    const control = await runContainer(docker, [...databaseUrl, ...where, images.control]);
    await control.healthy();

    const url = `http://127.0.0.1:${port}`;
    const tenant = await signUp(url);
    const name = `midstream-test-${port}`;
    onTestFinished(async () => {
      await docker.run(["volume", "rm", "--force", name]);
    });
    const volume = ["--volume", `${name}:/data`];
    const join = [images.agent, "join", "--control", url, "--data", "/data"];
    const token = ["--env", `MIDSTREAM_JOIN_TOKEN=${await joinToken(tenant)}`];
    await docker.run(["run", "--rm", ...confined, ...token, ...volume, ...join]);
    const agent = await runContainer(docker, ["--init", ...volume, images.agent]);
    await nodeIsConnected(tenant);
    await eventually(async () => expect(await agent.logs()).toContain('"driver":"native"'));

    const backend = await startBackend(greet("hello through two containers"));
    const balancerPort = await freePort();
    const wanted = { port: balancerPort, backends: [backend.port] };
    const balancer = await createBalancer(tenant, wanted);
    await agent.healthy();
    expect(await ask(balancerPort)).toBe("hello through two containers");
    await eventually(async () =>
      expect((await statsOf(tenant, balancer)).totals.connections).toBeGreaterThan(0),
    );

    for (const container of [control, agent]) {
      expect(await container.inside("process.getuid()")).toBe(String(userId));
      const [code, tookMs] = await container.stopped();
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(10_000);
      await annotate(`stopped in ${tookMs} ms`, "measured");
    }
  });

  test.for(Object.entries(images))("%s: small, without a way to root", async (entry, context) => {
    if (search.kind === "none") return context.skip(search.why);
    const [part, image] = entry;
    const { docker } = search;
    const base = await sizeOf(docker, "midstream-test/base:1");
    const own = Math.round(((await sizeOf(docker, image)) - base) / 1_000_000);
    await context.annotate(`${part}: ${own} MB above its base`, "measured");
    expect(own).toBeLessThan(100);
    const user = await docker.run(["inspect", "--format", "{{.Config.User}}", image]);
    expect(user.trim()).toBe(`${userId}:${userId}`);
  });
});

interface Container {
  /** Settles once its health check says healthy; fails with its log when it ends. */
  healthy(): Promise<void>;
  /** What it has printed. */
  logs(): Promise<string>;
  /** The value of an expression, by a Node inside. */
  inside(expression: string): Promise<string>;
  /** `docker stop`: the code it ended with, and how long that took. */
  stopped(): Promise<readonly [number, number]>;
}

async function runContainer(docker: Docker, args: readonly string[]): Promise<Container> {
  const id = (await docker.run(["run", "--detach", ...confined, ...args])).trim();
  onTestFinished(async () => {
    await docker.run(["rm", "--force", "--volumes", id]);
  });
  const state = async (field: string): Promise<string> =>
    (await docker.run(["inspect", "--format", `{{.State.${field}}}`, id])).trim();
  return {
    healthy: () =>
      eventually(
        async () => {
          const health = await state("Health.Status");
          if (health !== "healthy") throw new Error(`${health}: ${await docker.run(["logs", id])}`);
        },
        { withinMs: 60_000, everyMs: 200 },
      ),
    logs: () => docker.run(["logs", id]),
    inside: async (expression) => (await docker.run(["exec", id, "node", "-p", expression])).trim(),
    stopped: async () => {
      const startedMs = performance.now();
      await docker.run(["stop", "--time", "60", id]);
      return [Number(await state("ExitCode")), Math.round(performance.now() - startedMs)];
    },
  };
}

/** A database without our schema; its URL. */
async function emptyDatabase(): Promise<string> {
  const neighbour = await testDatabase();
  const name = `empty_${randomBytes(6).toString("hex")}`;
  await neighbour.sql.unsafe(`CREATE DATABASE ${name}`);
  onTestFinished(async () => {
    await neighbour.sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
    await neighbour.stop();
  });
  const url = new URL(neighbour.url);
  url.pathname = `/${name}`;
  return url.href;
}

async function joinToken(tenant: TestTenant): Promise<string> {
  const answer = await tenant.demand<{ token: string }>("POST", "/v1/join-tokens", { body: {} });
  return answer.token;
}

async function sizeOf(docker: Docker, image: string): Promise<number> {
  return Number(await docker.run(["inspect", "--format", "{{.Size}}", image]));
}
