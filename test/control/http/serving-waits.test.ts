import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { parseId, type TenantId } from "#shared/base/ids.ts";
import { nodeAwayMsMin, preferWaitsPerTenantMax } from "#shared/base/limits.ts";

import type { Database } from "../../../control/storage/database.ts";
import { readReceipt } from "../../../control/view/read-receipt.ts";
import { readUnsettled } from "../../../control/view/read-unsettled.ts";
import { isSettled } from "../../../control/view/receipt-view.ts";
import { controlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { eventually } from "../../support/eventually.ts";
import { nodeControl } from "../../support/node-control.ts";
import {
  nodeRevisionRow,
  nodeRow,
  nodeStatusRow,
  type NodeRevisionOptions,
  type NodeStatusOptions,
} from "../../support/node-rows.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { joinSimulated, SimulatedNode } from "../../support/simulated-node.ts";
import { signUp, type ApiAnswer, type TestTenant } from "../../support/tenant-api.ts";

interface Written {
  readonly id: string;
  readonly revision: number;
  readonly receipt?: { readonly nodes: object };
  readonly notWaited?: { readonly code: string; readonly detail: string };
}

/** A node that is connected and never serves anything. */
async function stuckNode(db: TestDatabase, tenant: TestTenant): Promise<string> {
  const nodeId = await nodeRow(db.sql, tenant.id);
  await nodeStatusRow(db.sql, { tenantId: tenant.id, nodeId }, { running: 0 });
  return nodeId;
}

/** A change, waited for. */
function waited(tenant: TestTenant, n: number, waitS = 30): Promise<ApiAnswer<Written>> {
  return tenant.call<Written>("POST", "/v1/balancers", {
    body: simpleBalancer(`b${n}`, 10_000 + n),
    headers: { prefer: `wait=${waitS}` },
  });
}

/** So many of them. */
function waiting(tenant: TestTenant, count: number, from = 0): Promise<ApiAnswer<Written>[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => waited(tenant, from + n)));
}

async function committed(db: TestDatabase, tenant: TestTenant, count: number): Promise<void> {
  await eventually(
    async () => {
      const [row] = await db.sql`SELECT rev::int FROM tenants WHERE id = ${tenant.id}`;
      expect(row).toEqual({ rev: count });
    },
    { withinMs: 60_000 },
  );
}

/** The node serves everything up to this revision. */
async function serves(
  db: TestDatabase,
  tenant: TestTenant,
  { nodeId, rev }: { readonly nodeId: string; readonly rev: number },
): Promise<void> {
  const at = { tenantId: tenant.id, nodeId, rev };
  await nodeRevisionRow(db.sql, at, { servingAt: new Date() });
}

describe("more waits than requests may be at work", () => {
  test("keep nobody out: probes, another tenant, and an agent are answered", async () => {
    const db = await testDatabase();
    onTestFinished(() => db.stop());
    const control = await nodeControl(onTestFinished, db, { limits: { requestsInFlightMax: 5 } });
    const tenant = await signUp(control.url);
    const nodeId = await stuckNode(db, tenant);
    const answers: Promise<ApiAnswer<Written>[]>[] = [];
    for (let made = 0; made < 20; made += 4) {
      answers.push(waiting(tenant, 4, made));
      await committed(db, tenant, made + 4);
    }
    expect((await fetch(`${control.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${control.url}/healthz`)).status).toBe(200);
    const other = await signUp(control.url);
    expect((await other.call("GET", "/v1/balancers")).status).toBe(200);
    const { token } = await other.demand<{ token: string }>("POST", "/v1/join-tokens");
    const identity = await joinSimulated(control.url, token);
    const node = new SimulatedNode({ identity, url: control.url });
    expect(await node.connect()).toEqual({ kind: "open" });
    await eventually(() => node.frames.some(({ t }) => t === "welcome"));
    node.drop();
    await serves(db, tenant, { nodeId, rev: 20 });
    const all = (await Promise.all(answers)).flat();
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
    expect(all[0]?.headers.get("preference-applied")).toBe("wait=30");
  });

  test("requests of tenants that are at work keep no agent and no probe out", async () => {
    const db = await testDatabase();
    onTestFinished(() => db.stop());
    const gate = Promise.withResolvers<void>();
    let closed = false;
    const database = (real: Database): Database => ({
      ...real,
      asTenant: async (tenantId, run) => {
        if (closed) await gate.promise;
        return real.asTenant(tenantId, run);
      },
    });
    const limits = { requestsInFlightMax: 2 };
    const control = await nodeControl(onTestFinished, db, { limits, database });
    const tenant = await signUp(control.url);
    const { token } = await tenant.demand<{ token: string }>("POST", "/v1/join-tokens");
    closed = true;
    const slow = [tenant.call("GET", "/v1/me"), tenant.call("GET", "/v1/me")];
    await eventually(async () => expect((await tenant.call("GET", "/v1/me")).status).toBe(503));
    expect((await fetch(`${control.url}/readyz`)).status).toBe(200);
    const identity = await joinSimulated(control.url, token);
    const node = new SimulatedNode({ identity, url: control.url });
    closed = false;
    gate.resolve();
    expect(await node.connect()).toEqual({ kind: "open" });
    node.drop();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe("waits of one tenant", () => {
  test("beyond the limit are answered at once with 202 and the reason; the change is made", async () => {
    const control = await controlUnderTest(onTestFinished);
    const { db } = control;
    const tenant = await signUp(control.url);
    const nodeId = await stuckNode(db, tenant);
    const within = waiting(tenant, preferWaitsPerTenantMax);
    await committed(db, tenant, preferWaitsPerTenantMax);
    let next = preferWaitsPerTenantMax;
    const beyond = await eventually(async () => {
      const answer = await waited(tenant, (next += 1), 1);
      expect(answer.status).toBe(202);
      return answer;
    });
    expect(beyond.headers.get("preference-applied")).toBe("wait=0");
    expect(beyond.headers.get("etag")).toMatch(/^"/);
    expect(beyond.headers.get("location")).toBe(`/v1/balancers/${beyond.body.id}`);
    expect(beyond.body).toMatchObject({
      notWaited: { code: "too-many-waits", detail: expect.stringContaining("100 changes") },
      receipt: { nodes: { expected: 1, waiting: 1 } },
    });
    expect((await tenant.call("GET", `/v1/balancers/${beyond.body.id}`)).status).toBe(200);
    const other = await signUp(control.url);
    await stuckNode(db, other);
    expect((await waited(other, 1, 1)).status).toBe(201);
    await serves(db, tenant, { nodeId, rev: beyond.body.revision });
    for (const { status } of await within) expect(status).toBe(201);
  });

  test("are one statement at a time, however many they are", async () => {
    const reads = { now: 0, most: 0, all: 0 };
    let counting = false;
    const control = await controlUnderTest(onTestFinished, {
      database: (real) => ({
        ...real,
        asTenant: async (tenantId, run) => {
          if (!counting) return real.asTenant(tenantId, run);
          reads.now += 1;
          reads.all += 1;
          reads.most = Math.max(reads.most, reads.now);
          try {
            return await real.asTenant(tenantId, run);
          } finally {
            reads.now -= 1;
          }
        },
      }),
    });
    const { db } = control;
    const tenant = await signUp(control.url);
    const nodeId = await stuckNode(db, tenant);
    const all = waiting(tenant, 40);
    await committed(db, tenant, 40);
    await eventually(() => reads.now === 0);
    counting = true;
    await eventually(() => reads.all >= 5);
    expect(reads.most).toBe(1);
    counting = false;
    await serves(db, tenant, { nodeId, rev: 40 });
    for (const { status } of await all) expect(status).toBe(201);
  });

  test("end with the client that waits", async () => {
    const control = await controlUnderTest(onTestFinished);
    const { db } = control;
    const tenant = await signUp(control.url);
    await stuckNode(db, tenant);
    const leaving = new AbortController();
    const headers = {
      authorization: `Bearer ${tenant.key}`,
      "content-type": "application/json",
      prefer: "wait=30",
    };
    const all = Array.from({ length: preferWaitsPerTenantMax }, (_, n) =>
      fetch(`${control.url}/v1/balancers`, {
        method: "POST",
        headers,
        signal: leaving.signal,
        body: JSON.stringify(simpleBalancer(`b${n}`, 10_000 + n)),
      }).catch((error: unknown) => error),
    );
    await committed(db, tenant, preferWaitsPerTenantMax);
    leaving.abort();
    await Promise.all(all);
    let next = preferWaitsPerTenantMax;
    await eventually(async () => {
      expect((await waited(tenant, (next += 1), 1)).status).toBe(201);
    });
  });
});

test("a revision is unsettled exactly when its receipt says that somebody is on the way", async () => {
  const control = await controlUnderTest(onTestFinished);
  const { db } = control;
  const views = { database: db.database, clock: systemClock() };
  const error = { id: null, pointer: "", code: "c", detail: "d" };
  const long = new Date(Date.now() - nodeAwayMsMin - 1_000);
  const statuses: (NodeStatusOptions | undefined)[] = [
    undefined,
    ...[null, 0, 1, 2].flatMap((running) => [
      { running },
      { running, connected: false },
      { running, lastSeenAt: long },
      { running, phase: "degraded" },
      { running, phase: "refused" },
    ]),
  ];
  const receipts: (NodeRevisionOptions | undefined)[] = [
    undefined,
    { sentAt: new Date() },
    { storedAt: new Date(), appliedAt: new Date() },
    { servingAt: new Date() },
    { errors: [error] },
    { servingAt: new Date(), errors: [error] },
  ];
  const seen = new Set<boolean>();
  const tenant = await signUp(control.url);
  const tenantId = parseId("ten", tenant.id) as TenantId;
  for (const n of [1, 2]) {
    await tenant.demand("POST", "/v1/balancers", { body: simpleBalancer(`b${n}`, 9_000 + n) });
  }
  const nodeId = await nodeRow(db.sql, tenantId);
  for (const status of statuses) {
    await db.sql`DELETE FROM node_status`;
    if (status !== undefined) await nodeStatusRow(db.sql, { tenantId, nodeId }, status);
    for (const rev of [1, 2]) {
      for (const receipt of receipts) {
        await db.sql`DELETE FROM node_revisions`;
        const at = { tenantId, nodeId, rev };
        if (receipt !== undefined) await nodeRevisionRow(db.sql, at, receipt);
        const unsettled = await readUnsettled(views, tenantId, [1, 2, 3]);
        for (const asked of [1, 2]) {
          const whole = await readReceipt(views, tenantId, asked);
          const wanted = whole === undefined ? false : !isSettled(whole);
          seen.add(wanted);
          const what = JSON.stringify({ status, rev, receipt, asked });
          expect(unsettled.has(asked), what).toBe(wanted);
        }
        expect(unsettled.has(3)).toBe(false);
      }
    }
  }
  expect(seen).toEqual(new Set([false, true]));
});
