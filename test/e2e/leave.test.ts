import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, expect, onTestFinished, test } from "vitest";

import { joinNode, startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { nodeIsConnected } from "../support/linked-agent.ts";
import { startProcess } from "../support/processes.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

interface Node {
  readonly state: string;
  readonly retiredAt: string | null;
}

const nodesOf = async (tenant: TestTenant): Promise<readonly Node[]> =>
  (await tenant.demand<{ items: Node[] }>("GET", "/v1/nodes")).items;

async function leave(...args: readonly string[]) {
  const leaving = startProcess(onTestFinished, {
    name: "agent leave",
    command: ["node-agent/main.ts", "leave", ...args],
  });
  const { code } = await leaving.ended;
  return { code, output: leaving.output() };
}

test("a node that leaves is retired, forgets itself, and its folder can join anew", async () => {
  const tenant = await signUp(control.url);
  const folder = await joinNode(onTestFinished, control, tenant);
  await writeFile(join(folder, "policy.json"), "{}");
  const agent = await startAgent(onTestFinished, folder);
  await nodeIsConnected(tenant);

  const early = await leave("--data", folder);
  expect(early).toMatchObject({ code: 1 });
  expect(early.output).toContain(`an agent runs on ${folder}: stop it first`);
  expect(await nodesOf(tenant)).toMatchObject([{ retiredAt: null }]);

  agent.process.signal("SIGTERM");
  expect(await agent.process.ended).toMatchObject({ code: 0 });
  await mkdir(join(folder, "sources"), { recursive: true });
  const left = await leave("--data", folder);
  expect(left).toMatchObject({ code: 0 });
  expect(left.output).toContain("this host is no node any more");
  expect(await nodesOf(tenant)).toMatchObject([
    { state: "retired", retiredAt: expect.any(String) as string },
  ]);
  const kept = await readdir(folder);
  expect(kept).toContain("policy.json");
  expect(kept).not.toContain("identity.json");
  expect(kept).not.toContain("snapshots");
  expect(kept).not.toContain("sources");

  const again = await leave("--data", folder);
  expect(again).toMatchObject({ code: 1 });
  expect(again.output).toContain(`no node has joined in ${folder}`);
  await joinNode(onTestFinished, control, tenant, folder);
  expect(await nodesOf(tenant)).toHaveLength(2);
});

test("without a confirmation nothing is forgotten, unless it is forced, which says what is left to do", async () => {
  const tenant = await signUp(control.url);
  const folder = await joinNode(onTestFinished, control, tenant);
  const nowhere = ["--data", folder, "--control", "http://127.0.0.1:1"];
  const refused = await leave(...nowhere);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.output).toContain("http://127.0.0.1:1 cannot be reached: ECONNREFUSED");
  expect(await readdir(folder)).toContain("identity.json");

  const forced = await leave(...nowhere, "--force");
  expect(forced).toMatchObject({ code: 0 });
  expect(forced.output).toMatch(/control plane was not told .* DELETE \/v1\/nodes\/nod_/);
  expect(await readdir(folder)).not.toContain("identity.json");
  expect(await nodesOf(tenant)).toMatchObject([{ retiredAt: null }]);
});
