import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { nodeRow, nodeStatusRow } from "../../support/node-rows.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";

interface Node {
  readonly id: string;
  readonly hostname: string;
  readonly state: string;
}

let control: ControlUnderTest;
let tenant: TestTenant;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

async function newTenant(): Promise<void> {
  tenant = await signUp(control.url);
}

describe("GET /v1/nodes/{id}", () => {
  test("says what it shall run, what it runs, how far it is, and what went wrong", async () => {
    await newTenant();
    const { sql } = control.db;
    const nodeId = await nodeRow(sql, tenant.id, {
      hostname: "edge-1",
      capabilities: ["protocol:tcp"],
    });
    const error = { id: "bal_x", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" };
    const lastSeenAt = new Date();
    await nodeStatusRow(
      sql,
      { tenantId: tenant.id, nodeId },
      {
        running: 4,
        desired: 5,
        phase: "degraded",
        failing: 1,
        errors: [error],
        connections: 12,
        lastSeenAt,
      },
    );
    expect((await tenant.call("GET", `/v1/nodes/${nodeId}`)).body).toEqual({
      id: nodeId,
      hostname: "edge-1",
      group: "default",
      state: "degraded",
      connected: true,
      desired: { epoch: 1, revision: 5, root: "5".padStart(64, "0") },
      running: { epoch: 1, revision: 4, root: "4".padStart(64, "0") },
      phase: "degraded",
      failing: 1,
      lastError: error,
      errors: [error],
      durable: true,
      connections: 12,
      lastSeenAt: lastSeenAt.toISOString(),
      joinedAt: new Date(0).toISOString(),
      retiredAt: null,
      agent: "midstream/0.1.0",
      os: "",
      labels: {},
      capabilities: ["protocol:tcp"],
    });
  });

  test("a node that was never heard is new; one that is not heard any more is away, not down", async () => {
    await newTenant();
    const { sql } = control.db;
    const fresh = await nodeRow(sql, tenant.id);
    const gone = await nodeRow(sql, tenant.id);
    const lastSeenAt = new Date(Date.now() - 600_000);
    await nodeStatusRow(
      sql,
      { tenantId: tenant.id, nodeId: gone },
      { connected: true, running: 3, desired: 3, phase: "serving", lastSeenAt },
    );
    expect(await tenant.demand("GET", `/v1/nodes/${fresh}`)).toMatchObject({
      state: "new",
      connected: false,
      running: null,
      lastSeenAt: null,
    });
    expect(await tenant.demand("GET", `/v1/nodes/${gone}`)).toMatchObject({
      state: "away",
      connected: false,
      running: { revision: 3 },
      lastSeenAt: lastSeenAt.toISOString(),
    });
  });
});

test("the list has all of them in parts, and of one group only when asked", async () => {
  await newTenant();
  await tenant.demand("POST", "/v1/groups", { body: { name: "edge" } });
  for (const hostname of ["a", "b"]) await nodeRow(control.db.sql, tenant.id, { hostname });
  await nodeRow(control.db.sql, tenant.id, { hostname: "c", group: "edge" });
  const first = await tenant.demand<{ items: Node[]; nextCursor: string }>(
    "GET",
    "/v1/nodes?limit=2",
  );
  const second = await tenant.demand<{ items: Node[]; nextCursor: null }>(
    "GET",
    `/v1/nodes?limit=2&cursor=${first.nextCursor}`,
  );
  expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 1, null]);
  const edge = await tenant.demand<{ items: Node[] }>("GET", "/v1/nodes?group=edge");
  expect(edge.items.map(({ hostname }) => hostname)).toEqual(["c"]);
});

test("a retired node stays in the list as such, and retiring it again changes nothing", async () => {
  await newTenant();
  const nodeId = await nodeRow(control.db.sql, tenant.id);
  await nodeStatusRow(control.db.sql, { tenantId: tenant.id, nodeId }, { connected: true });
  for (let time = 0; time < 2; time += 1) {
    expect((await tenant.call("DELETE", `/v1/nodes/${nodeId}`)).status).toBe(204);
  }
  expect(await tenant.demand("GET", `/v1/nodes/${nodeId}`)).toMatchObject({
    state: "retired",
    connected: false,
    retiredAt: expect.any(String),
  });
});

test.for(["nod_01m82za364yt49jcawxdj1b054", "nod_x", "bal_01m82za364yt49jcawxdj1b054"])(
  "%s is 404",
  async (id) => {
    await newTenant();
    expect((await tenant.call("GET", `/v1/nodes/${id}`)).status).toBe(404);
    expect((await tenant.call("DELETE", `/v1/nodes/${id}`)).status).toBe(404);
  },
);
