import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { joinNode } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { nodeIsConnected } from "../support/linked-agent.ts";
import { startRestartingAgent } from "../support/restarting-agent.ts";
import { scaled } from "../support/scale.ts";
import { createBalancer, onlyNode, statsOf } from "../support/served-balancers.ts";
import { steadyClients } from "../support/steady-clients.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { openClient } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

async function servingAgent(args: readonly string[]) {
  const tenant = await signUp(control.url);
  const folder = await joinNode(onTestFinished, control, tenant);
  const socket = join(folder, "clients.sock");
  const policy = { sockets: { allow: [socket] } };
  await writeFile(join(folder, "policy.json"), JSON.stringify(policy), { mode: 0o600 });
  const agent = await startRestartingAgent(onTestFinished, folder, args);
  await nodeIsConnected(tenant);
  const backend = await startBackend(echo);
  const port = await freePort();
  const balancer = await createBalancer(tenant, {
    port,
    backends: [backend.port],
    more: {
      bind: [`127.0.0.1:${port}`, `unix:${socket}`],
      // A host that is busy with this test is not to be taken for a dead backend.
      healthcheck: { kind: "ping", interval: "5s", timeout: "4s" },
      limits: { backendConnectionTimeout: "30s" },
    },
  });
  expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  return { tenant, agent, port, socket, balancer, backend };
}

describe.each(["portable", "native"] as const)("an agent that restarts in place (%s)", (driver) => {
  const args = ["--relay", driver, "--workers", "2"];

  test(
    "T12 under 1,000 connects a second nobody is refused or reset, each is answered, open connections go on, every count arrives once",
    { timeout: 180_000 },
    async ({ annotate }) => {
      const { tenant, agent, port, socket, balancer } = await servingAgent(args);
      const long = await openClient(port);
      long.send("before ");
      await long.receives(7);
      const connects = scaled(10_000, 1_000);
      const task = { perSecond: 1_000, connects, text: "hello" };
      const before = agent.pid();

      const load = steadyClients({ ...task, targets: [port, port, port, { path: socket }] });
      await eventually(async () => (await statsOf(tenant, balancer)).totals.connections > 100);
      const restarted = await agent.restart();
      const restartedWhileBusy = performance.now();
      const end = await load;
      await annotate(
        `${restarted.output.trim()}; load went on for ${Math.round(performance.now() - restartedWhileBusy)} ms; slowest ${end.slowestMs} ms; ${JSON.stringify(end.wrong)}`,
        "measured",
      );

      if (end.answered < connects) await annotate(agent.first.process.output(), "log");
      expect(restarted).toMatchObject({ code: 0 });
      expect(agent.pid()).not.toBe(before);
      expect(end).toMatchObject({ answered: connects, wrong: {} });

      long.send("after");
      await long.receives(12);
      long.finish();
      await long.isOver();
      expect(long.text()).toBe("before after");
      await agent.hasEnded(before);
      const bytes = connects * 5 + 12;
      await eventually(
        async () =>
          expect((await statsOf(tenant, balancer)).totals).toMatchObject({
            connections: connects + 1,
            rxBytes: bytes,
            txBytes: bytes,
            refused: 0,
            rejected: 0,
            activeConnections: 0,
          }),
        { withinMs: 20_000, everyMs: 200 },
      );
      expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" });
    },
  );
});
