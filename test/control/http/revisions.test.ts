import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { eventually } from "../../support/eventually.ts";
import { nodeRevisionRow, nodeRow, nodeStatusRow } from "../../support/node-rows.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";

interface Revision {
  readonly revision: number;
  readonly committedAt: string;
  readonly receipt: {
    readonly byNode: readonly { readonly node: string; readonly state: string }[];
  };
}

let control: ControlUnderTest;
let tenant: TestTenant;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

/** A tenant whose balancer was made (1), changed (2) and joined by a second one (3). */
async function withHistory(): Promise<{ first: string; second: string }> {
  tenant = await signUp(control.url);
  const made = await tenant.call<{ id: string }>("POST", "/v1/balancers", {
    body: simpleBalancer("one", 9_000),
  });
  const path = `/v1/balancers/${made.body.id}`;
  await tenant.demand("PUT", path, {
    body: { ...simpleBalancer("one", 9_000), strategy: "iphash" },
    headers: { "if-match": made.headers.get("etag") ?? "" },
  });
  const second = await tenant.demand<{ id: string }>("POST", "/v1/balancers", {
    body: simpleBalancer("two", 9_001),
  });
  return { first: made.body.id, second: second.id };
}

test("the list has every committed change, newest first", async () => {
  const { first, second } = await withHistory();
  const { items } = await tenant.demand<{ items: Revision[] }>("GET", "/v1/revisions");
  expect(items).toMatchObject([
    {
      revision: 3,
      action: "balancer.create",
      changes: [{ balancer: second, name: "two", change: "added" }],
    },
    {
      revision: 2,
      action: "balancer.update",
      changes: [{ balancer: first, name: "one", change: "changed" }],
    },
    {
      revision: 1,
      action: "balancer.create",
      actor: expect.stringMatching(/^key_/),
      changes: [{ balancer: first, name: "one", change: "added" }],
    },
  ]);
});

describe("GET /v1/revisions/{rev}", () => {
  test("says for each node when it was sent, stored, applied and served, and who lags and why", async () => {
    await withHistory();
    const { sql } = control.db;
    const tenantId = tenant.id;
    const committedAt = Date.parse(
      (await tenant.demand<Revision>("GET", "/v1/revisions/3")).committedAt,
    );
    const after = (ms: number): Date => new Date(committedAt + ms);
    const nodes = {
      quick: await nodeRow(sql, tenantId, { hostname: "quick" }),
      slow: await nodeRow(sql, tenantId, { hostname: "slow" }),
      skipped: await nodeRow(sql, tenantId, { hostname: "skipped" }),
      failing: await nodeRow(sql, tenantId, { hostname: "failing" }),
      busy: await nodeRow(sql, tenantId, { hostname: "busy" }),
      away: await nodeRow(sql, tenantId, { hostname: "away" }),
      late: await nodeRow(sql, tenantId, { hostname: "late", joinedAt: after(1_000) }),
    };
    const error = { id: "bal_x", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" };
    const served = (ms: number) => ({
      sentAt: after(1),
      storedAt: after(2),
      appliedAt: after(3),
      servingAt: after(ms),
    });
    const at = (nodeId: string, rev = 3) => ({ tenantId, nodeId, rev });
    await nodeRevisionRow(sql, at(nodes.quick), served(10));
    await nodeRevisionRow(sql, at(nodes.slow), served(400));
    await nodeRevisionRow(sql, at(nodes.skipped, 4), served(90));
    await nodeRevisionRow(sql, at(nodes.failing), { sentAt: after(1), errors: [error] });
    await nodeRevisionRow(sql, at(nodes.busy), { sentAt: after(1), storedAt: after(2) });
    await nodeRevisionRow(sql, at(nodes.late), served(5_000));
    for (const [name, nodeId] of Object.entries(nodes)) {
      if (name === "away") continue;
      const phase = name === "failing" ? "degraded" : "serving";
      await nodeStatusRow(sql, { tenantId, nodeId }, { phase, running: 2 });
    }
    const { receipt } = await tenant.demand<Revision>("GET", "/v1/revisions/3");
    expect(receipt).toMatchObject({
      nodes: { expected: 7, serving: 4, failed: 1, waiting: 1, away: 1 },
      p50Ms: 90,
      p99Ms: 400,
      omitted: 0,
    });
    expect(receipt).toMatchObject({
      stragglers: [
        { hostname: "away", state: "away" },
        { hostname: "failing", state: "degraded", reason: "EADDRINUSE: taken" },
        { hostname: "busy", state: "stored" },
      ],
    });
    expect(receipt.byNode.find(({ node }) => node === nodes.quick)).toEqual({
      node: nodes.quick,
      hostname: "quick",
      group: "default",
      connected: true,
      state: "serving",
      sentAt: after(1).toISOString(),
      storedAt: after(2).toISOString(),
      appliedAt: after(3).toISOString(),
      servingAt: after(10).toISOString(),
      servingMs: 10,
      errors: [],
    });
    expect(receipt.byNode.find(({ node }) => node === nodes.skipped)).toMatchObject({
      state: "serving",
      servingMs: 90,
      sentAt: null,
    });
    expect(receipt.byNode.find(({ node }) => node === nodes.late)).toMatchObject({
      state: "serving",
      servingMs: null,
    });
  });

  test("counts nodes of the groups that it touched, and no others", async () => {
    await withHistory();
    await tenant.demand("POST", "/v1/groups", { body: { name: "edge" } });
    await nodeRow(control.db.sql, tenant.id, { group: "edge" });
    const { receipt } = await tenant.demand<Revision>("GET", "/v1/revisions/1");
    expect(receipt.byNode).toEqual([]);
  });

  test.for(["0", "4", "-1", "1.5", "01", "x", "99999999999999999999"])(
    "%s is 404 when there are three",
    async (rev) => {
      await withHistory();
      expect((await tenant.call("GET", `/v1/revisions/${rev}`)).status).toBe(404);
      expect((await tenant.call("GET", `/v1/revisions/${rev}/diff`)).status).toBe(404);
    },
  );
});

describe("GET /v1/revisions/{rev}/diff", () => {
  test("says what the revision changed, field by field", async () => {
    const { first } = await withHistory();
    expect(await tenant.demand("GET", "/v1/revisions/2/diff")).toEqual({
      from: 1,
      to: 2,
      balancers: [
        {
          balancer: first,
          name: "one",
          change: "changed",
          fields: [{ pointer: "/strategy", before: "weight", after: "iphash" }],
        },
      ],
    });
  });

  test("can start from any earlier revision, the empty beginning included", async () => {
    const { first, second } = await withHistory();
    const { balancers } = await tenant.demand<{
      balancers: { balancer: string; change: string }[];
    }>("GET", "/v1/revisions/3/diff?from=0");
    const changes = new Map(balancers.map(({ balancer, change }) => [balancer, change]));
    expect(changes).toEqual(
      new Map([
        [first, "added"],
        [second, "added"],
      ]),
    );
  });
});

describe("POST /v1/revisions/{rev}/rollback", () => {
  test("makes the balancers what they were: a new revision", async () => {
    const { first, second } = await withHistory();
    const dry = await tenant.call("POST", "/v1/revisions/1/rollback?dryRun=true");
    expect(dry.status).toBe(200);
    expect(dry.body).toMatchObject({ dryRun: true });
    const answer = await tenant.call("POST", "/v1/revisions/1/rollback", {
      headers: { prefer: "wait=5" },
    });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      revision: 4,
      action: "revision.rollback",
      receipt: { nodes: { expected: 0 } },
    });
    expect(await tenant.demand("GET", `/v1/balancers/${first}`)).toMatchObject({
      strategy: "weight",
    });
    expect((await tenant.call("GET", `/v1/balancers/${second}`)).status).toBe(404);
    const again = await tenant.call("POST", "/v1/revisions/1/rollback");
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ unchanged: true });
  });

  test("happens once under an Idempotency-Key", async () => {
    await withHistory();
    const call = { headers: { "idempotency-key": "back" } };
    const first = await tenant.call("POST", "/v1/revisions/1/rollback", call);
    const second = await tenant.call("POST", "/v1/revisions/1/rollback", call);
    expect(second.body).toEqual(first.body);
  });

  test("takes no body, and refuses one that it would have to ignore", async () => {
    await withHistory();
    const answer = await tenant.call("POST", "/v1/revisions/1/rollback", { body: { to: 2 } });
    expect(answer.status).toBe(422);
    const empty = await tenant.call("POST", "/v1/revisions/1/rollback", { body: {} });
    expect(empty.status).toBe(201);
  });

  test("of a revision that is not there is 404", async () => {
    await withHistory();
    for (const rev of ["9", "x", "-1"]) {
      expect((await tenant.call("POST", `/v1/revisions/${rev}/rollback`)).status).toBe(404);
    }
  });
});

describe("Prefer: wait", () => {
  test("answers as soon as the connected node serves the revision", async () => {
    tenant = await signUp(control.url);
    const { sql } = control.db;
    const tenantId = tenant.id;
    const nodeId = await nodeRow(sql, tenantId);
    await nodeStatusRow(sql, { tenantId, nodeId }, { running: 0 });
    const write = tenant.call<Revision>("POST", "/v1/balancers", {
      body: simpleBalancer("web"),
      headers: { prefer: "wait=20" },
    });
    const revision = await committed(tenantId);
    await nodeRevisionRow(sql, { tenantId, nodeId, rev: revision }, { servingAt: new Date() });
    const answer = await write;
    expect(answer.status).toBe(201);
    expect(answer.body.receipt).toMatchObject({ nodes: { expected: 1, serving: 1, waiting: 0 } });
  });

  test("says who does not serve it when the time is over, and does not wait for who is away", async () => {
    tenant = await signUp(control.url);
    const { sql } = control.db;
    const tenantId = tenant.id;
    await nodeRow(sql, tenantId, { hostname: "away" });
    const body = simpleBalancer("web");
    const alone = await tenant.call<Revision>("POST", "/v1/balancers?dryRun=false", {
      body,
      headers: { prefer: "wait=20" },
    });
    expect(alone.body.receipt).toMatchObject({
      nodes: { away: 1 },
      stragglers: [{ state: "away" }],
    });
    const nodeId = await nodeRow(sql, tenantId, { hostname: "stuck" });
    await nodeStatusRow(sql, { tenantId, nodeId }, { running: 0 });
    const late = await tenant.call<Revision>("POST", "/v1/balancers", {
      body: simpleBalancer("more", 9_005),
      headers: { prefer: "wait=1" },
    });
    expect(late.status).toBe(201);
    expect(late.body.receipt).toMatchObject({
      nodes: { waiting: 1, away: 1 },
      stragglers: [
        { hostname: "away", state: "away" },
        { hostname: "stuck", state: "waiting", reason: "was not sent it yet" },
      ],
    });
  });
});

/** The tenant's newest revision, once there is one. */
async function committed(tenantId: string): Promise<number> {
  return eventually(async () => {
    const [row] = await control.db.sql<{ rev: string }[]>`
      SELECT rev FROM revisions WHERE tenant_id = ${tenantId}`;
    if (row === undefined) throw new Error("no revision yet");
    return Number(row.rev);
  });
}
