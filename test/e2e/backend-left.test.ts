import { expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { createBalancer, statsOf, updateBalancer } from "../support/served-balancers.ts";
import { signUp } from "../support/tenant-api.ts";
import { openClient } from "../support/test-client.ts";

/** Two reports and their ingest, on a busy machine. */

test("a backend that left is in the statistics until its last connection closes, then it is gone", async () => {
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const [used, idle, stays] = [
    await startBackend(echo),
    await startBackend(echo),
    await startBackend(echo),
  ];
  const port = await freePort();
  const before = await createBalancer(tenant, { port, backends: [used.port] });
  const client = await openClient(port);
  client.send("held");
  await client.receives(4);
  const both = await updateBalancer(tenant, before, { port, backends: [used.port, idle.port] });
  const seen = async () => {
    const { backends } = await statsOf(tenant, both);
    return Object.fromEntries(
      backends.map(({ backend, activeConnections, live, gone }) => [
        Number(backend.split(":")[1]),
        { activeConnections, live, gone },
      ]),
    );
  };
  const idleRow = { activeConnections: 0, live: 1, gone: false };
  await eventually(async () => expect((await seen())[idle.port]).toEqual(idleRow), {
    everyMs: 100,
  });
  await updateBalancer(tenant, both, { port, backends: [stays.port] });
  await eventually(
    async () => {
      const now = await seen();
      expect(new Set(Object.keys(now).map(Number))).toEqual(new Set([used.port, stays.port]));
      expect(now[used.port]).toMatchObject({ activeConnections: 1, gone: false });
      expect(now[stays.port]).toMatchObject({ live: 1, gone: false });
    },
    { everyMs: 100 },
  );
  client.finish();
  await client.isOver();
  await eventually(
    async () => {
      expect((await seen())[used.port]).toEqual({ activeConnections: 0, live: 0, gone: true });
    },
    { everyMs: 100 },
  );
});
