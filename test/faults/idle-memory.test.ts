import { expect, onTestFinished, test } from "vitest";

import { idleConnectionBytesMax } from "#shared/base/limits.ts";

import { activeConnections, entryOn, residentBytesOf } from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { scaled } from "../support/scale.ts";
import { openClient } from "../support/test-client.ts";

const connections = scaled(8_000, 500);
const atOnce = 100;

test.for(await bothDrivers())(
  "X-TCP-25 idle connections ($driver) stay within their documented budget of memory",
  async ({ driver, missing }, { skip, annotate }) => {
    if (missing !== undefined) return skip(missing);
    const backend = await startBackend(echo);
    const agent = await agentUnderTest(onTestFinished);
    const port = await freePort();
    await agent.store(
      agent.publisher.snapshot(1, [entryOn("bal_a", { port, backend: backend.port })]),
    );
    const { process: running, adminUrl } = await agent.run("--relay", driver, "--workers", "1");
    await open(port, atOnce);
    const before = residentBytesOf(running.pid);

    for (let opened = 0; opened < connections; opened += atOnce) await open(port, atOnce);
    await eventually(async () => (await activeConnections(adminUrl)) === connections + atOnce);
    const each = (residentBytesOf(running.pid) - before) / connections;

    await annotate(
      `${driver}: ${Math.round(each)} bytes a connection, of ${connections}`,
      "measured",
    );
    expect(each).toBeLessThan(idleConnectionBytesMax[driver]);
  },
);

/** Opens connections, each of which exchanges a few bytes and is silent from then on. */
async function open(port: number, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await openClient(port);
      client.send("hello");
      await client.receives("hello".length, 30_000);
    }),
  );
}
