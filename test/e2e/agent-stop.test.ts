import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { createBalancer, onlyNode, statsOf } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { openClient } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

async function servingAgent() {
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(echo);
  const port = await freePort();
  const balancer = await createBalancer(tenant, { port, backends: [backend.port] });
  const client = await openClient(port);
  client.send("before");
  await client.receives(6);
  return { tenant, agent, port, balancer, client };
}

/** Waits until nobody listens any more; gives the connections that still came in while it looked. */
async function refuses(port: number): Promise<number> {
  let taken = 0;
  await eventually(async () => {
    const late = await openClient(port);
    const refused = late.errorCode === "ECONNREFUSED";
    if (!refused) taken += 1;
    late.reset();
    return refused;
  });
  return taken;
}

describe("an agent that is asked to stop", () => {
  test("takes no new connection, lets open ones finish, reports them, and ends with 0", async () => {
    const { tenant, agent, port, balancer, client } = await servingAgent();
    agent.process.signal("SIGTERM");
    const taken = await refuses(port);
    expect(agent.process.isRunning).toBe(true);
    client.send(" after");
    await client.receives(12);
    client.finish();
    await client.isOver();
    expect(client.text()).toBe("before after");
    expect(await agent.process.ended).toEqual({ code: 0, signal: null });

    const { totals } = await eventually(async () => {
      const stats = await statsOf(tenant, balancer);
      expect(stats.totals).toMatchObject({ txBytes: 12, rxBytes: 12, activeConnections: 0 });
      return stats;
    });
    expect(totals.connections).toBeGreaterThanOrEqual(1);
    expect(totals.connections).toBeLessThanOrEqual(1 + taken);
    await eventually(async () =>
      expect(await onlyNode(tenant)).toMatchObject({ connected: false }),
    );
  });

  test("a second time ends at once, whatever is open", async () => {
    const { agent, port, client } = await servingAgent();
    agent.process.signal("SIGTERM");
    await refuses(port);
    agent.process.signal("SIGTERM");
    await client.isOver();
    expect((await agent.process.ended).signal).toBeNull();
  });

  test("by the death of the process that started it ends too", async () => {
    const { agent, client } = await servingAgent();
    agent.process.disconnect();
    await agent.process.ended;
    await client.isOver();
  });
});
