import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { joinNode, startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import { eventually } from "../support/eventually.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { nodeIsConnected } from "../support/linked-agent.ts";
import { page, startPages, type Answer } from "../support/page-server.ts";
import { startRestartingAgent } from "../support/restarting-agent.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

const down: Answer = ({ socket }) => void socket.destroy();
const patiently = { withinMs: 40_000, everyMs: 100 };
const failing = { state: "failing", backends: 1, lastFailure: { code: "unreachable" } };
const remembered = { ...failing, rememberedMs: expect.any(Number) };

/** A joined node, a source on HTTP that names one of two backends, and a balancer to be made of it. */
async function sourcedNode() {
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  const folder = await joinNode(onTestFinished, control, tenant);
  const [before, after] = [await startBackend(greet("before")), await startBackend(greet("after"))];
  const pages = await startPages(page(`127.0.0.1:${before.port}\n`));
  const port = await freePort();
  const discovery = { kind: "plaintext", endpoint: pages.origin, interval: "100ms" };
  const more = { discovery, healthcheck: { kind: "none" } };
  return {
    ...{ control, tenant, folder, port, pages },
    create: () => createBalancer(tenant, { port, backends: [], more }),
    /** The source is there again, and names the other backend. */
    move: () => void (pages.answer = page(`127.0.0.1:${after.port}\n`)),
    isKept: () => isOnDisk(folder, before.port),
    isMovedOnDisk: () => isOnDisk(folder, after.port),
  };
}

test.for(["stopped", "killed"] as const)(
  "F-DSC-04 an agent that was %s starts without its source and without the control plane, and serves the backends of before; then those that the source names",
  async (how) => {
    const { control, tenant, folder, port, pages, create, move, isKept } = await sourcedNode();
    const adminPort = await freePort();
    const admin = ["--admin", `127.0.0.1:${adminPort}`];
    const first = await startAgent(onTestFinished, folder, admin);
    await nodeIsConnected(tenant);
    const { id } = await create();
    expect(await ask(port)).toBe("before");
    await eventually(isKept);
    if (how === "stopped") await first.process.stop();
    else await first.process.kill();
    await control.process.kill();
    pages.answer = down;

    await startAgent(onTestFinished, folder, admin);
    expect(await ask(port)).toBe("before");
    await eventually(async () => expect(await sourcesOf(adminPort)).toMatchObject([remembered]));
    expect(await textOf(adminPort, "/metrics")).toMatch(
      /^midstream_agent_source_remembered\{.*\} 1$/m,
    );
    expect(await textOf(adminPort, "/status.txt")).toMatch(
      /plaintext discovery at \/discovery is failing, remembered of /,
    );

    await control.startAgain();
    await nodeIsConnected(tenant);
    const health = `/v1/balancers/${id}/health`;
    await eventually(async () =>
      expect(await tenant.demand("GET", health)).toMatchObject({
        nodes: [{ sources: [remembered] }],
      }),
    );

    move();
    await eventually(async () => expect(await ask(port)).toBe("after"), patiently);
    const fresh = { state: "fresh", rememberedMs: null };
    await eventually(async () => expect(await sourcesOf(adminPort)).toMatchObject([fresh]));
    expect(await tenant.demand("GET", health)).toMatchObject({ nodes: [{ sources: [fresh] }] });
  },
);

test("an agent that restarts in place while its source is down serves the backends of before, and the new process writes what comes", async () => {
  const { tenant, folder, port, pages, create, move, isKept, isMovedOnDisk } = await sourcedNode();
  const agent = await startRestartingAgent(onTestFinished, folder);
  await nodeIsConnected(tenant);
  await create();
  await eventually(isKept);
  pages.answer = down;
  expect(await agent.restart()).toMatchObject({ code: 0 });
  expect(await ask(port)).toBe("before");
  const { port: adminPort } = new URL(agent.adminUrl);
  await eventually(async () =>
    expect(await sourcesOf(Number(adminPort))).toMatchObject([remembered]),
  );

  move();
  await eventually(async () => expect(await ask(port)).toBe("after"), patiently);
  await eventually(isMovedOnDisk, patiently);
});

test("a balancer that is deleted leaves nothing on the disk of what its sources named", async () => {
  const { tenant, folder, create, isKept } = await sourcedNode();
  await startAgent(onTestFinished, folder);
  await nodeIsConnected(tenant);
  const { id } = await create();
  await eventually(isKept);
  await tenant.demand("DELETE", `/v1/balancers/${id}`, { headers: { "If-Match": "*" } });
  await eventually(async () => expect(await filesOf(folder)).toEqual([]), patiently);
});

function filesOf(folder: string, names = "*"): Promise<readonly string[]> {
  return Array.fromAsync(glob(`sources/${names}`, { cwd: folder }));
}

/** Under the name by which the next agent finds it: what is still being written survives no kill. */
async function isOnDisk(folder: string, backendPort: number): Promise<boolean> {
  const files = await filesOf(folder, "*.json");
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return texts.some((text) => text.includes(`"port":${backendPort}`));
}

async function sourcesOf(adminPort: number): Promise<readonly object[]> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/status.json`);
  const { balancers } = (await answer.json()) as {
    readonly balancers: readonly { readonly sources: readonly object[] }[];
  };
  return balancers.flatMap(({ sources }) => sources);
}

async function textOf(adminPort: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
}
