import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { agentPaths } from "#shared/wire/protocol.ts";

import { controlOnDatabase } from "../support/control-on-database.ts";
import { newJoinRequest } from "../support/join-request.ts";
import { startProcess } from "../support/processes.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";

const nodesOf = async (tenant: TestTenant): Promise<number> =>
  (await tenant.demand<{ items: unknown[] }>("GET", "/v1/nodes")).items.length;

const newToken = async (tenant: TestTenant): Promise<string> =>
  (await tenant.demand<{ token: string }>("POST", "/v1/join-tokens", { body: {} })).token;

test("200 nodes try one token at the same time: exactly one joins, the others are refused alike", async () => {
  // Of its own: an address may be refused so often, and no more, for a while.
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  const token = await newToken(tenant);
  const requests = Array.from({ length: 200 }, () => newJoinRequest(token));
  const answers = await Promise.all(
    requests.map(async (request) => {
      const response = await fetch(new URL(agentPaths.join, control.url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request),
      });
      await response.body?.cancel();
      return response.status;
    }),
  );
  const counts = Map.groupBy(answers, (status) => status);
  expect(Array.from(counts, ([status, all]) => [status, all.length])).toEqual(
    expect.arrayContaining([
      [201, 1],
      [401, 199],
    ]),
  );
  expect(await nodesOf(tenant)).toBe(1);
});

test("a token that was used says so to whoever types it again, and nothing is left behind", async () => {
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  const token = await newToken(tenant);
  const folder = await temporaryFolder(onTestFinished);
  const joinWith = async (name: string) => {
    const dataFolder = join(folder, name);
    const joining = startProcess(onTestFinished, {
      name: "agent join",
      command: [
        ...["node-agent/main.ts", "join", "--control", control.url],
        ...["--token", token, "--data", dataFolder],
      ],
    });
    return { end: await joining.ended, output: joining.output() };
  };
  expect((await joinWith("first")).end.code).toBe(0);
  const second = await joinWith("second");
  expect(second.end.code).toBe(1);
  expect(second.output).toMatch(/token/);
  expect(second.output).not.toContain(token);
  expect(await nodesOf(tenant)).toBe(1);
  expect(await readdir(join(folder, "second"))).toEqual([]);
});
