import { beforeAll, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { percentileOf } from "../support/percentile.ts";
import { scaled } from "../support/scale.ts";
import { createBalancer, definition, type ReceiptAnswer } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

test("every change reaches its node and is served, one after the other", async ({ annotate }) => {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const backends = [await startBackend(echo), await startBackend(echo)];
  const port = await freePort();
  const ports = backends.map((backend) => backend.port);
  const balancer = await createBalancer(tenant, { port, backends: ports });

  const changes = scaled(200, 20);
  const servingMs: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    // Each one takes away or brings back the second backend: what tenants change most.
    const wanted = change % 2 === 0 ? ports.slice(0, 1) : ports;
    servingMs.push(await timedChange(tenant, balancer.id, definition({ port, backends: wanted })));
  }
  expect(servingMs).toHaveLength(changes);
  const [p50, p99] = [percentileOf(servingMs, 0.5), percentileOf(servingMs, 0.99)];
  await annotate(
    `${changes} changes, from commit to serving: p50 ${p50} ms, p99 ${p99} ms`,
    "measured",
  );
});

/** Writes and waits; milliseconds from the commit to the node's "serving", by the receipt. */
async function timedChange(tenant: TestTenant, id: string, body: unknown): Promise<number> {
  const answer = await tenant.demand<{ receipt: ReceiptAnswer }>("PUT", `/v1/balancers/${id}`, {
    body,
    headers: { prefer: "wait=20", "if-match": "*" },
  });
  expect(answer.receipt.nodes).toMatchObject({ serving: 1, waiting: 0, failed: 0 });
  return answer.receipt.byNode[0]?.servingMs ?? Number.NaN;
}
