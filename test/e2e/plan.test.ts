import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { planMsMax } from "#shared/base/limits.ts";

import { joinNode, startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import { startControl, type ControlProcess } from "../support/control-process.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { nodeIsConnected, startLinkedAgent } from "../support/linked-agent.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

interface Finding {
  readonly state: "yes" | "no" | "unknown";
  readonly problems: readonly { pointer: string; code: string; detail: string }[];
}

type Aspect = "supported" | "permitted" | "bindable" | "discoverable" | "resolvable" | "dialable";

interface NodePlan {
  readonly node: string;
  readonly state: string;
  readonly fits: boolean | null;
  readonly aspects: Readonly<Record<Aspect, Finding>> | null;
  readonly backends: { readonly found: number; readonly tried: number; readonly reachable: number };
}

interface Plan {
  readonly group: string;
  readonly nodes: readonly NodePlan[];
  readonly unasked: number;
}

const cleanup = suiteCleanup();
let control: ControlProcess;
let database: TestDatabase;
beforeAll(async () => {
  ({ control, database } = await controlOnDatabase(cleanup));
});

interface Wanted {
  readonly bind: readonly string[];
  readonly backends: readonly string[];
}

function definition({ bind, backends }: Wanted): object {
  return { name: "planned", bind, discovery: { kind: "static", backends } };
}

async function dryRun(tenant: TestTenant, wanted: Wanted): Promise<Plan> {
  const path = "/v1/balancers?dryRun=true";
  const { plan } = await tenant.demand<{ plan: Plan }>("POST", path, { body: definition(wanted) });
  return plan;
}

function onlyPlan({ nodes }: Plan): NodePlan {
  expect(nodes).toHaveLength(1);
  const [plan] = nodes;
  if (plan === undefined) throw new Error("there is no node");
  return plan;
}

const yes = { state: "yes", problems: [], unlisted: 0 };

describe("a dry run", () => {
  test("says of every node that it would fit, and changes nothing there", async () => {
    const tenant = await signUp(control.url);
    await startLinkedAgent(onTestFinished, control, tenant);
    const backend = await startBackend(greet("hello"));
    const port = await freePort();
    const wanted = {
      bind: [`127.0.0.1:${port}`],
      backends: [`127.0.0.1:${backend.port}`, `localhost:${backend.port}`],
    };

    const plan = onlyPlan(await dryRun(tenant, wanted));

    expect(plan).toMatchObject({
      state: "answered",
      fits: true,
      backends: { found: 2, tried: 2, reachable: 2 },
    });
    const { supported, permitted, bindable, discoverable, resolvable, dialable } =
      plan.aspects ?? {};
    const all = [supported, permitted, bindable, discoverable, resolvable, dialable];
    for (const aspect of all) expect(aspect).toEqual(yes);
    expect(await refuses(port)).toBe(true);
    const { items } = await tenant.demand<{ items: unknown[] }>("GET", "/v1/balancers");
    expect(items).toEqual([]);
    const left = await database.sql`SELECT 1 FROM questions WHERE tenant_id = ${tenant.id}`;
    expect(left).toHaveLength(0);
  });

  test("names what is in the way, with a pointer for each: address, name, backend", async () => {
    const tenant = await signUp(control.url);
    await startLinkedAgent(onTestFinished, control, tenant);
    const holder = await startBackend(greet("somebody else"));
    const open = await startBackend(greet("a backend"));
    const closed = await freePort();
    const wanted = {
      bind: [`127.0.0.1:${await freePort()}`, `127.0.0.1:${holder.port}`],
      backends: [`127.0.0.1:${open.port}`, `127.0.0.1:${closed}`, "no-such-host.invalid:80"],
    };

    const plan = onlyPlan(await dryRun(tenant, wanted));

    expect(plan).toMatchObject({
      state: "answered",
      fits: false,
      aspects: {
        supported: { state: "yes" },
        permitted: { state: "yes" },
        bindable: { state: "no", problems: [{ pointer: "/bind/1", code: "EADDRINUSE" }] },
        resolvable: {
          state: "no",
          problems: [{ pointer: "/discovery/backends/2" }],
        },
        dialable: {
          state: "no",
          problems: [
            { pointer: "/discovery/backends/1", code: "ECONNREFUSED" },
            { pointer: "/discovery/backends/2", code: "not-looked-at" },
          ],
        },
      },
      backends: { found: 3, tried: 2, reachable: 1 },
    });
  });

  test("names what the policy of the host forbids, and leaves it alone", async () => {
    const tenant = await signUp(control.url);
    const folder = await joinNode(onTestFinished, control, tenant);
    const policy = { bind: { addresses: ["127.0.0.1"], ports: ["1-1024"] } };
    await writeFile(join(folder, "policy.json"), JSON.stringify(policy));
    const agent = await startAgent(onTestFinished, folder, [
      "--policy",
      join(folder, "policy.json"),
    ]);
    expect(agent.dataFolder).toBe(folder);
    await nodeIsConnected(tenant);

    const plan = onlyPlan(await dryRun(tenant, { bind: ["127.0.0.1:5000"], backends: [] }));

    expect(plan).toMatchObject({
      fits: false,
      aspects: {
        permitted: { state: "no", problems: [{ pointer: "/bind/0", code: "denied-by-policy" }] },
        bindable: { state: "unknown" },
        dialable: { state: "unknown", problems: [{ code: "no-backends" }] },
      },
    });
  });

  test("names nodes that are away, and nodes that do not answer in time", async () => {
    const tenant = await signUp(control.url);
    const { process: agent } = await startLinkedAgent(onTestFinished, control, tenant);
    process.kill(agent.pid, "SIGSTOP");
    const startedMs = performance.now();

    const silent = onlyPlan(await dryRun(tenant, { bind: ["127.0.0.1:5000"], backends: [] }));

    expect(silent).toMatchObject({ state: "silent", fits: null, aspects: null });
    expect(performance.now() - startedMs).toBeLessThan(2 * planMsMax);
    process.kill(agent.pid, "SIGCONT");
    await agent.stop();
    await expect
      .poll(async () => onlyPlan(await dryRun(tenant, { bind: [":5000"], backends: [] })).state, {
        timeout: 30_000,
      })
      .toBe("away");
  });
});

describe("the plan of a balancer", () => {
  test("finds its own addresses free, its node elsewhere, and goes on serving", async ({
    annotate,
  }) => {
    const key = ["--master-key-file", join(control.dataFolder, "master-key"), "--no-notify"];
    const second = await startControl(onTestFinished, { databaseUrl: database.url, args: key });
    const tenant = await signUp(control.url);
    await startLinkedAgent(onTestFinished, second, tenant.at(second.url));
    const backend = await startBackend(greet("served"));
    const port = await freePort();
    const { id, revision } = await createBalancer(tenant, { port, backends: [backend.port] });
    const startedMs = performance.now();

    const plan = await tenant.demand<Plan>("GET", `/v1/balancers/${id}/plan`);

    await annotate(`answered after ${Math.round(performance.now() - startedMs)} ms`, "measured");
    expect(plan).toMatchObject({ id, revision, group: "default", unasked: 0 });
    expect(onlyPlan(plan)).toMatchObject({ state: "answered", fits: true });
    expect(await ask(port)).toBe("served");
  });

  test("is another tenant's to nobody", async () => {
    const tenant = await signUp(control.url);
    const { id } = await tenant.demand<{ id: string }>("POST", "/v1/balancers", {
      body: definition({ bind: [":5000"], backends: [] }),
    });
    const other = await signUp(control.url);
    expect((await other.call("GET", `/v1/balancers/${id}/plan`)).status).toBe(404);
    const plan = await tenant.demand<Plan>("GET", `/v1/balancers/${id}/plan`);
    expect(plan).toMatchObject({ nodes: [], unasked: 0 });
  });
});

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });
}
