import { describe, expect, onTestFinished, test } from "vitest";

import { startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import { eventually } from "../support/eventually.ts";
import { echo, greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { linkedWithin, startLinkedAgent } from "../support/linked-agent.ts";
import { createBalancer, onlyNode, statsOf, updateBalancer } from "../support/served-balancers.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask, openClient } from "../support/test-client.ts";

async function world() {
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  return { control, tenant, agent };
}

describe("the control plane is gone", () => {
  test("killed and started again: traffic goes on, the node is in sync again by itself, nothing is counted twice or lost", async () => {
    const { control, tenant } = await world();
    const backend = await startBackend(echo);
    const next = await startBackend(greet("next"));
    const port = await freePort();
    const balancer = await createBalancer(tenant, { port, backends: [backend.port] });
    const client = await openClient(port);
    client.send("one");
    await client.receives(3);

    await control.process.kill();
    client.send("two");
    await client.receives(6);
    expect(await ask(port, "three")).toBe("three");

    await control.startAgain();
    await eventually(
      async () =>
        expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" }),
      linkedWithin,
    );
    client.send("four");
    client.finish();
    await client.isOver();
    expect(client.text()).toBe("onetwofour");

    const changed = await updateBalancer(tenant, balancer, { port, backends: [next.port] });
    expect(changed.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
    expect(await ask(port)).toBe("next");
    await eventually(
      async () => {
        const { totals } = await statsOf(tenant, balancer);
        expect(totals).toMatchObject({ connections: 3, txBytes: 15, rxBytes: 19 });
      },
      { everyMs: 100 },
    );
  });

  test("an agent that is started without it serves its last good snapshot", async ({
    annotate,
  }) => {
    const { control, tenant, agent } = await world();
    const backend = await startBackend(greet("still here"));
    const port = await freePort();
    await createBalancer(tenant, { port, backends: [backend.port] });
    await control.process.kill();
    await agent.process.stop();

    const startedMs = performance.now();
    await startAgent(onTestFinished, agent.dataFolder);
    expect(await ask(port)).toBe("still here");
    const tookMs = Math.round(performance.now() - startedMs);
    await annotate(`from the start of the process to the first answer: ${tookMs} ms`, "measured");

    await control.startAgain();
    await eventually(
      async () =>
        expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" }),
      linkedWithin,
    );
  });

  test("an agent that was killed serves again at once, from what it had stored", async () => {
    const { control, tenant, agent } = await world();
    const backend = await startBackend(greet("stored"));
    const port = await freePort();
    await createBalancer(tenant, { port, backends: [backend.port] });
    await control.process.kill();
    await agent.process.kill();
    await startAgent(onTestFinished, agent.dataFolder);
    expect(await ask(port)).toBe("stored");
  });
});
