import { expect, onTestFinished, test } from "vitest";

import { startControl } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { echo, greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { ownPostgres } from "../support/own-postgres.ts";
import { scaled } from "../support/scale.ts";
import {
  createBalancer,
  definition,
  statsOf,
  updateBalancer,
} from "../support/served-balancers.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask, openClient } from "../support/test-client.ts";
import { throughout } from "../support/throughout.ts";

test("Postgres is away for a while: writes say when to come back, links and traffic stay, and everything recovers by itself", async ({
  annotate,
}) => {
  const postgres = await ownPostgres(onTestFinished);
  const control = await startControl(onTestFinished, { databaseUrl: postgres.url });
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const [backend, next] = [await startBackend(echo), await startBackend(greet("next"))];
  const port = await freePort();
  const balancer = await createBalancer(tenant, { port, backends: [backend.port] });
  const client = await openClient(port);

  await postgres.stop();
  const awayMs = scaled(5_000, 3_000);
  const body = definition({ port: port + 1, backends: [backend.port] });
  const path = "/v1/balancers";
  let rounds = 0;
  await throughout(
    async () => {
      const refused = await tenant.call<{ code: string }>("POST", path, { body });
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(refused.headers.get("content-type")).toContain("application/problem+json");
      expect((await fetch(new URL("/readyz", control.url))).status).toBe(503);
      expect((await fetch(new URL("/healthz", control.url))).status).toBe(200);
      expect(await ask(port, "ping")).toBe("ping");
      rounds += 1;
    },
    { forMs: awayMs, everyMs: 250 },
  );
  client.send("still open");
  await client.receives(10);

  await postgres.start();
  const changed = await eventually(
    () => updateBalancer(tenant, balancer, { port, backends: [next.port] }),
    { withinMs: 60_000, everyMs: 200 },
  );
  expect(changed.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  expect(await ask(port)).toBe("next");
  expect((await fetch(new URL("/readyz", control.url))).status).toBe(200);
  client.finish();
  await client.isOver();

  // The link that was there before is the one that brought the change.
  expect(agent.process.output().match(/"linked to the control plane"/g)).toHaveLength(1);
  // What could not be written is sent again by the node, after it waited for a confirmation.
  const { totals } = await eventually(
    async () => {
      const stats = await statsOf(tenant, balancer);
      expect(stats.totals.connections).toBe(rounds + 2);
      return stats;
    },
    { withinMs: 45_000, everyMs: 100 },
  );
  expect(totals.txBytes).toBe(rounds * 4 + 10);
  await annotate(`away for ${awayMs} ms, ${rounds} refused writes`, "measured");
});
