import { beforeAll, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { echo, greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask, openClient } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

interface Stats {
  readonly backends: readonly { readonly backend: string; readonly state: string }[];
}

test("X-DSC-11 by the API alone: a backend is added, drained with a deadline, and taken away, under traffic", async () => {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const [old, fresh] = [await startBackend(echo), await startBackend(greet("fresh"))];
  const port = await freePort();
  const { id } = await createBalancer(tenant, {
    port,
    backends: [],
    more: { healthcheck: { kind: "none" } },
  });
  const path = `/v1/balancers/${id}/backends`;
  const serving = { prefer: "wait=20" };
  const added = await tenant.demand("POST", path, {
    headers: serving,
    body: { host: "127.0.0.1", port: old.port },
  });
  expect(added).toMatchObject({ receipt: { nodes: { serving: 1, failed: 0 } } });
  const client = await openClient(port);
  client.send("alive");
  await client.receives(5);

  await tenant.demand("POST", path, { body: { host: "127.0.0.1", port: fresh.port } });
  await tenant.demand("PATCH", `${path}/127.0.0.1:${old.port}`, {
    headers: { ...serving, "if-match": "*" },
    body: { state: "draining", drainTimeout: "3s" },
  });
  expect(await ask(port)).toBe("fresh");
  client.send("still");
  await client.receives(10);
  await eventually(
    async () => {
      const stats = await tenant.demand<Stats>("GET", `/v1/balancers/${id}/stats?window=1m`);
      const rows = Object.fromEntries(stats.backends.map((row) => [row.backend, row.state]));
      expect(rows).toEqual({
        [`127.0.0.1:${old.port}`]: "draining",
        [`127.0.0.1:${fresh.port}`]: "enabled",
      });
    },
    { everyMs: 100 },
  );

  await client.isOver();
  await tenant.demand("DELETE", `${path}/127.0.0.1:${old.port}`, {
    headers: { ...serving, "if-match": "*" },
  });
  expect(await ask(port)).toBe("fresh");
  expect(old.accepted).toBe(1);
});
