import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { startProcess } from "../support/processes.ts";
import type { RestartingAgent } from "../support/restarting-agent.ts";
import { createBalancer, onlyNode, statsOf } from "../support/served-balancers.ts";
import { servedRestartingAgent } from "../support/served-restarting-agent.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask, openClient } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

describe.each(["portable", "native"] as const)("an agent that restarts in place (%s)", (driver) => {
  const args = ["--relay", driver, "--workers", "2"];

  test("restarts again and again, and its counters never start over", async () => {
    const { tenant, agent, port, balancer } = await servedRestartingAgent(control, args);
    for (const count of [1, 2, 3]) {
      const before = agent.pid();
      expect(await agent.restart()).toMatchObject({ code: 0 });
      expect(agent.pid()).not.toBe(before);
      expect(await ask(port, "hello")).toBe("hello");
      await agent.hasEnded(before);
      await eventually(async () =>
        expect(await (await fetch(`${agent.adminUrl}/metrics`)).text()).toMatch(
          new RegExp(`^midstream_agent_balancer_connections_total.* ${count}$`, "m"),
        ),
      );
      await eventually(async () =>
        expect(await statusOf(agent)).toMatchObject({
          phase: "serving",
          agent: { pid: agent.pid(), driver },
          restarts: { handovers: count, predecessor: null, failed: 0 },
        }),
      );
    }
    await eventually(
      async () =>
        expect((await statsOf(tenant, balancer)).totals).toMatchObject({
          connections: 3,
          rxBytes: 15,
          txBytes: 15,
        }),
      { withinMs: 40_000, everyMs: 100 },
    );
    expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" });
  });

  test("a third agent never gets the addresses, nor the folder", async () => {
    const { agent, port, backend } = await servedRestartingAgent(control, args);
    const long = await openClient(port);
    long.send("held");
    await long.receives(4);
    expect(await agent.restart()).toMatchObject({ code: 0 });
    const other = await signUp(control.url);
    await startLinkedAgent(onTestFinished, control, other);
    const taken = await createBalancer(other, { port, backends: [backend.port] });
    expect(taken.receipt.nodes).toMatchObject({ serving: 0, failed: 1 });

    // Not even once the process is gone that claimed them first.
    const [first] = [agent.first.process.pid];
    long.finish();
    await agent.hasEnded(first);
    const second = startProcess(onTestFinished, {
      name: "second agent",
      command: ["node-agent/main.ts", "run", "--data", agent.dataFolder, "--admin", "off"],
    });
    expect((await second.ended).code).toBe(1);
    expect(second.output()).toContain("another agent runs on");
    expect(await ask(port, "hello")).toBe("hello");
  });

  test.each([
    ["a policy that cannot be read", "policy.json", "not json", /policy\.json/],
    [
      "no snapshot on disk",
      "snapshots/current.json",
      "not a snapshot",
      /revision 1 runs, and of the snapshots on disk/,
    ],
  ])(
    "a successor that finds %s is not taken: the old process serves on, and says why",
    async (_, file, text, why) => {
      const { tenant, agent, port } = await servedRestartingAgent(control, args);
      const before = agent.pid();
      const path = join(agent.dataFolder, file);
      const good = await readFile(path);
      await writeFile(path, text);
      const long = await openClient(port);

      const failed = await agent.restart();
      expect(failed.code).toBe(1);
      expect(failed.output).toMatch(why);
      expect(agent.pid()).toBe(before);
      long.send("still here");
      await long.receives(10);
      expect(await ask(port, "hello")).toBe("hello");
      expect(await statusOf(agent)).toMatchObject({
        agent: { pid: before },
        restarts: { handovers: 0, failed: 1, lastFailure: expect.stringMatching(why) },
      });
      // It takes changes as before.
      const more = await createBalancer(tenant, { port: await freePort(), backends: [1] });
      expect(more.receipt.nodes).toMatchObject({ serving: 1 });
      await writeFile(path, good);
      if (file === "policy.json") expect(await agent.restart()).toMatchObject({ code: 0 });
    },
  );

  test("killed while it hands over, it leaves a successor that serves", async () => {
    const { tenant, agent, port } = await servedRestartingAgent(control, args);
    const before = agent.pid();
    const asked = agent.restart();
    // Its successor has not been told anything but what it inherits.
    await eventually(() => agent.first.process.output().split("local policy read").length > 2, {
      everyMs: 1,
    });
    process.kill(before, "SIGKILL");
    await asked;
    await eventually(() => expect(agent.pid()).not.toBe(before));
    expect(await ask(port, "hello")).toBe("hello");
    await eventually(
      async () => {
        expect(await statusOf(agent)).toMatchObject({ link: { stage: "open" } });
        expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" });
      },
      { withinMs: 40_000, everyMs: 100 },
    );
  });

  test.each(["old", "new"] as const)(
    "while one drains beside the other, asking the %s process to end ends both, and no count is lost",
    async (pid) => {
      const { tenant, balancer, agent, port } = await servedRestartingAgent(control, args);
      const before = agent.pid();
      const long = await openClient(port);
      long.send("held");
      await long.receives(4);
      expect(await agent.restart()).toMatchObject({ code: 0 });
      const after = agent.pid();
      // Whoever stops the agent may know either process.
      process.kill(pid === "old" ? before : after, "SIGTERM");
      await eventually(async () => {
        const late = await openClient(port);
        late.reset();
        expect(late.errorCode).toBe("ECONNREFUSED");
      });
      long.send(", and heard");
      long.finish();
      await long.isOver();
      expect(long.text()).toBe("held, and heard");
      await agent.hasEnded(before);
      await agent.hasEnded(after);
      await eventually(
        async () =>
          expect((await statsOf(tenant, balancer)).totals).toMatchObject({
            txBytes: 15,
            rxBytes: 15,
            activeConnections: 0,
          }),
        { withinMs: 40_000, everyMs: 100 },
      );
    },
  );
});

test("an agent whose end means the end to whoever started it refuses by name", async () => {
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const asking = startProcess(onTestFinished, {
    name: "agent restart",
    command: ["node-agent/main.ts", "restart", "--data", agent.dataFolder],
  });
  expect((await asking.ended).code).toBe(1);
  expect(asking.output()).toContain("without --pid-file");
  agent.process.signal("SIGUSR2");
  await eventually(() => agent.process.output().split("not restarted").length === 3);
  expect(await onlyNode(tenant)).toMatchObject({ connected: true });
});

async function statusOf(agent: RestartingAgent): Promise<unknown> {
  return (await fetch(`${agent.adminUrl}/status.json`)).json();
}
