import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { agentUnderTest } from "../../support/agent-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { ask } from "../../support/test-client.ts";
import { entryFor } from "../apply/balancers.ts";

test("X-LOG-08 the file is opened again on SIGHUP: what comes later is in the new one", async () => {
  const { agent, port } = await loggedBalancer();
  const file = join(agent.folder, "access.log");
  const running = await agent.run("--access-log", file);
  await ask(port);
  await eventually(async () => (await linesOf(file)).length === 1);
  await rename(file, `${file}.1`);
  running.process.signal("SIGHUP");
  await eventually(() => running.process.output().includes("access log opened again"));
  await ask(port);
  await eventually(async () => (await linesOf(file)).length === 1);
  expect(await linesOf(`${file}.1`)).toHaveLength(1);
  expect(running.process.output()).not.toContain('"event":"connection"');

  await eventually(async () => {
    const status = (await (await fetch(`${running.adminUrl}/status.json`)).json()) as object;
    expect(status).toMatchObject({ accessLog: { written: 2, dropped: 0 } });
  });
  running.process.signal("SIGTERM");
  expect(await running.process.ended).toMatchObject({ code: 0 });
});

test("without a setting the lines stand among the others; off writes none", async () => {
  const { agent, port } = await loggedBalancer();
  const usual = await agent.run();
  await ask(port);
  await eventually(() => usual.process.output().includes('"event":"connection"'));
  usual.process.signal("SIGTERM");
  await usual.process.ended;

  const off = await agent.run("--access-log", "off");
  await ask(port);
  const status = (await (await fetch(`${off.adminUrl}/status.json`)).json()) as object;
  expect(status).toMatchObject({ accessLog: null });
  off.process.signal("SIGTERM");
  await off.process.ended;
  expect(off.process.output()).not.toContain('"event":"connection"');
});

test.for(["log", "off"])("SIGHUP opens nothing and ends nothing with %s", async (target) => {
  const { agent, port } = await loggedBalancer();
  const running = await agent.run("--access-log", target);
  running.process.signal("SIGHUP");
  await eventually(() => running.process.output().includes("no access log file to open again"));
  expect(await ask(port)).toBe("hello");
  running.process.signal("SIGTERM");
  expect(await running.process.ended).toMatchObject({ code: 0 });
});

async function loggedBalancer() {
  const agent = await agentUnderTest(onTestFinished);
  const backend = await startBackend(greet("hello"));
  const port = await freePort();
  const backends = [{ host: "127.0.0.1", port: backend.port }];
  const entry = entryFor("bal_logged", {
    bind: [`127.0.0.1:${port}`],
    discovery: { kind: "static", backends },
    accessLog: {},
  });
  await agent.store(agent.publisher.snapshot(1, [entry]));
  return { agent, port };
}

async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}
