import { Readable } from "node:stream";

import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { nodeRow, nodeStatusRow } from "../../support/node-rows.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import { anyId } from "../../support/tenant-rows.ts";
import { bucketRow, minuteRow, totalsRow } from "../../support/traffic-rows.ts";

const promtool = await findProgram("promtool");

/** Stands still: what is in a window does not depend on how fast the test runs. */
const clock = new FakeClock();

let control: ControlUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup, { clock });
});

interface Served {
  readonly tenant: TestTenant;
  readonly balancerId: string;
  /** Two that are heard and one that is not. */
  readonly nodes: { readonly a: string; readonly b: string; readonly gone: string };
}

async function served(): Promise<Served> {
  const tenant = await signUp(control.url);
  const { id: balancerId } = await tenant.demand<{ id: string }>("POST", "/v1/balancers", {
    body: simpleBalancer("web"),
  });
  const { sql } = control.db;
  // Ids of one millisecond are in no order of their own.
  const [first, second, third] = [anyId("nod"), anyId("nod"), anyId("nod")].toSorted();
  const nodes = {
    a: await nodeRow(sql, tenant.id, { id: first, hostname: "a" }),
    b: await nodeRow(sql, tenant.id, { id: second, hostname: "b" }),
    gone: await nodeRow(sql, tenant.id, { id: third, hostname: "gone" }),
  };
  const now = clock.nowMs();
  const seen = { a: now - 5_000, b: now - 1_000, gone: now - 600_000 };
  for (const name of ["a", "b", "gone"] as const) {
    await nodeStatusRow(
      sql,
      { tenantId: tenant.id, nodeId: nodes[name] },
      { running: 1, lastSeenAt: new Date(seen[name]) },
    );
  }
  return { tenant, balancerId, nodes };
}

function secondsAgo(seconds: number): Date {
  return new Date(clock.nowMs() - seconds * 1_000);
}

describe("GET /v1/balancers/{id}/stats", () => {
  test("adds up nodes and buckets of the window, and says what it covers and how old it is", async () => {
    const { tenant, balancerId, nodes } = await served();
    const { sql } = control.db;
    const at = (nodeId: string, backend = "") => ({
      tenantId: tenant.id,
      balancerId,
      nodeId,
      backend,
    });
    const old = { connections: 100, rxBytes: 10_000, txBytes: 1_000 };
    await bucketRow(sql, at(nodes.a), secondsAgo(20), { connections: 6, rxBytes: 60, txBytes: 6 });
    await bucketRow(sql, at(nodes.b), secondsAgo(20), { connections: 4, refused: 3, rejected: 2 });
    await bucketRow(sql, at(nodes.gone), secondsAgo(900), old);
    await bucketRow(sql, at(nodes.a), secondsAgo(7_200), old);
    await bucketRow(sql, at(nodes.a, "10.0.0.1:80"), secondsAgo(20), {
      connections: 6,
      rxBytes: 60,
    });
    await bucketRow(sql, at(nodes.b, "10.0.0.1:80"), secondsAgo(20), { connections: 1 });
    await bucketRow(sql, at(nodes.b, "10.0.0.2:80"), secondsAgo(20), {
      connections: 3,
      refused: 3,
    });
    await totalsRow(sql, at(nodes.a), { activeConnections: 2 });
    await totalsRow(sql, at(nodes.b), { activeConnections: 5 });
    await totalsRow(sql, at(nodes.gone), { activeConnections: 1_000 });
    await totalsRow(sql, at(nodes.a, "10.0.0.1:80"), { activeConnections: 2, live: 1 });
    await totalsRow(sql, at(nodes.b, "10.0.0.1:80"), { activeConnections: 1, live: 0 });
    await totalsRow(sql, at(nodes.b, "10.0.0.2:80"), { activeConnections: 4, live: 1 });
    const { body } = await tenant.call<{ ageMs: number }>(
      "GET",
      `/v1/balancers/${balancerId}/stats`,
    );
    expect(body).toMatchObject({
      window: "1h",
      nodes: { reporting: 2, expected: 3 },
      totals: {
        connections: 110,
        activeConnections: 7,
        refused: 3,
        rejected: 2,
        rxBytes: 10_060,
        txBytes: 1_006,
      },
      rates: {
        overMs: 60_000,
        connectionsPerSecond: 0.167,
        refusedPerSecond: 0.05,
        rxBytesPerSecond: 1,
        txBytesPerSecond: 0.1,
      },
      backends: [
        {
          backend: "10.0.0.1:80",
          connections: 7,
          rxBytes: 60,
          activeConnections: 3,
          live: 1,
          nodes: 2,
        },
        {
          backend: "10.0.0.2:80",
          connections: 3,
          refused: 3,
          activeConnections: 4,
          live: 1,
          nodes: 1,
        },
      ],
      byNode: [
        {
          node: nodes.a,
          hostname: "a",
          reporting: true,
          activeConnections: 2,
          totals: { connections: 6 },
        },
        { node: nodes.b, reporting: true, activeConnections: 5, totals: { connections: 4 } },
        { node: nodes.gone, reporting: false, totals: { connections: 100 } },
      ],
    });
  });

  test("a backend that has left is gone: without gauges, and listed only for its traffic", async () => {
    const { tenant, balancerId, nodes } = await served();
    const { sql } = control.db;
    const at = (nodeId: string, backend: string) => ({
      ...{ tenantId: tenant.id, balancerId, nodeId, backend },
    });
    const departed = { activeConnections: 0, live: 0, departed: true };
    await bucketRow(sql, at(nodes.a, "left:80"), secondsAgo(20), { connections: 3 });
    await totalsRow(sql, at(nodes.a, "left:80"), departed);
    await bucketRow(sql, at(nodes.a, "left-idle:80"), secondsAgo(20), {});
    await totalsRow(sql, at(nodes.a, "left-idle:80"), departed);
    await totalsRow(sql, at(nodes.a, "half-left:80"), departed);
    await totalsRow(sql, at(nodes.b, "half-left:80"), { activeConnections: 1, live: 1 });
    await bucketRow(sql, at(nodes.gone, "away:80"), secondsAgo(20), { connections: 1 });
    await totalsRow(sql, at(nodes.gone, "away:80"), { activeConnections: 9, live: 1 });
    const idle = { activeConnections: 0, live: 0, nodes: 0 };
    const { backends } = await tenant.demand<{ backends: object[] }>(
      "GET",
      `/v1/balancers/${balancerId}/stats`,
    );
    expect(backends).toMatchObject([
      { backend: "away:80", connections: 1, ...idle, gone: false },
      { backend: "half-left:80", activeConnections: 1, live: 1, nodes: 1, gone: false },
      { backend: "left:80", connections: 3, ...idle, gone: true },
    ]);
    expect(backends).toHaveLength(3);
    const metrics = (await tenant.call<string>("GET", "/v1/metrics")).body.split("\n");
    const of = (name: string) => metrics.filter((line) => line.includes(`backend="${name}"`));
    expect(of("left:80").filter((line) => /_active|_live/.test(line))).toEqual([]);
    expect(of("left:80").some((line) => line.includes("connections_total"))).toBe(true);
  });

  test("says how many rows of a node's reports are not counted", async () => {
    const { tenant, balancerId, nodes } = await served();
    for (const [boot, dropped] of [
      ["one", 5],
      ["two", 2],
    ] as const) {
      await control.db.sql`
        INSERT INTO stat_seen (tenant_id, node_id, boot_id, seq, dropped, at)
        VALUES (${tenant.id}, ${nodes.b}, ${boot}, 1, ${dropped}, now())`;
    }
    const { byNode } = await tenant.demand<{
      byNode: readonly { node: string; droppedRows: number }[];
    }>("GET", `/v1/balancers/${balancerId}/stats`);
    expect(byNode).toHaveLength(3);
    for (const { node, droppedRows } of byNode) expect(droppedRows).toBe(node === nodes.b ? 7 : 0);
  });

  test("a long window comes from one-minute buckets, in which nodes are merged", async () => {
    const { tenant, balancerId } = await served();
    const { sql } = control.db;
    const at = (backend = "") => ({ tenantId: tenant.id, balancerId, backend });
    await minuteRow(sql, at(), secondsAgo(40_000), { connections: 9, rxBytes: 90 });
    await minuteRow(sql, at("10.0.0.1:80"), secondsAgo(40_000), { connections: 9 });
    await minuteRow(sql, at(), secondsAgo(100_000), { connections: 1_000 });
    expect(
      await tenant.demand("GET", `/v1/balancers/${balancerId}/stats?window=24h`),
    ).toMatchObject({
      window: "24h",
      totals: { connections: 9, rxBytes: 90 },
      backends: [{ backend: "10.0.0.1:80", connections: 9 }],
      byNode: [{ totals: null }, { totals: null }, { totals: null }],
    });
  });

  test("without traffic and nodes it is all zero, and covers nobody", async () => {
    const tenant = await signUp(control.url);
    const { id } = await tenant.demand<{ id: string }>("POST", "/v1/balancers", {
      body: simpleBalancer("web"),
    });
    expect(await tenant.demand("GET", `/v1/balancers/${id}/stats?window=1m`)).toEqual({
      window: "1m",
      nodes: { reporting: 0, expected: 0 },
      ageMs: null,
      totals: {
        connections: 0,
        refused: 0,
        rejected: 0,
        rxBytes: 0,
        txBytes: 0,
        activeConnections: 0,
      },
      rates: {
        overMs: 60_000,
        connectionsPerSecond: 0,
        refusedPerSecond: 0,
        rxBytesPerSecond: 0,
        txBytesPerSecond: 0,
      },
      backends: [],
      byNode: [],
    });
  });

  test.for(["9s", "721h", "soon", "1", "-1h", ""])("a window of %j is 400", async (window) => {
    const { tenant, balancerId } = await served();
    const path = `/v1/balancers/${balancerId}/stats?window=${window}`;
    const answer = await tenant.call<{ code: string }>("GET", path);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: "http/bad-query", errors: [{ pointer: "/window" }] });
  });

  test("numbers beyond 2^32 stay exact", async () => {
    const { tenant, balancerId, nodes } = await served();
    const place = { tenantId: tenant.id, balancerId, nodeId: nodes.a };
    const rxBytes = 2 ** 52 + 1;
    await bucketRow(control.db.sql, place, secondsAgo(20), { rxBytes });
    await bucketRow(control.db.sql, place, secondsAgo(40), { rxBytes });
    const { totals } = await tenant.demand<{ totals: { rxBytes: number } }>(
      "GET",
      `/v1/balancers/${balancerId}/stats`,
    );
    expect(totals.rxBytes).toBe(2 ** 53 + 2);
  });
});

describe("GET /v1/metrics", () => {
  test("has this tenant's totals and gauges by balancer, backend and node", async () => {
    const { tenant, balancerId, nodes } = await served();
    const other = await served();
    const { sql } = control.db;
    const place = { tenantId: tenant.id, balancerId, nodeId: nodes.a };
    await totalsRow(sql, place, { connections: 7, rxBytes: 2 ** 40, activeConnections: 2 });
    await totalsRow(
      sql,
      { ...place, backend: "[fd00::1]:80" },
      { connections: 7, refused: 1, activeConnections: 2, live: 1 },
    );
    await totalsRow(
      sql,
      { ...place, nodeId: nodes.gone },
      { connections: 3, activeConnections: 9 },
    );
    const answer = await tenant.call<string>("GET", "/v1/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const labels = `balancer="${balancerId}",name="web",node="${nodes.a}"`;
    const lines = answer.body.split("\n");
    expect(lines).toContain(`midstream_balancer_connections_total{${labels}} 7`);
    expect(lines).toContain(`midstream_balancer_rx_bytes_total{${labels}} ${2 ** 40}`);
    expect(lines).toContain(`midstream_balancer_active_connections{${labels}} 2`);
    const backend = `${labels},backend="[fd00::1]:80"`;
    expect(lines).toContain(`midstream_backend_refused_total{${backend}} 1`);
    expect(lines).toContain(`midstream_backend_live{${backend}} 1`);
    expect(lines).toContain("midstream_revision 1");
    expect(lines).toContain(
      `midstream_node_connected{node="${nodes.gone}",hostname="gone",group="default"} 0`,
    );
    const gone = `balancer="${balancerId}",name="web",node="${nodes.gone}"`;
    expect(lines).toContain(`midstream_balancer_connections_total{${gone}} 3`);
    expect(answer.body).not.toContain(`midstream_balancer_active_connections{${gone}}`);
    expect(answer.body).not.toContain(other.balancerId);
  });

  test.skipIf(promtool === undefined)("is accepted by promtool without a remark", async () => {
    const { tenant, balancerId, nodes } = await served();
    const place = { tenantId: tenant.id, balancerId, nodeId: nodes.a };
    await totalsRow(control.db.sql, place, { connections: 7 });
    await totalsRow(control.db.sql, { ...place, backend: 'odd"\\\nname:80' }, { connections: 7 });
    const { body } = await tenant.call<string>("GET", "/v1/metrics");
    const input = Readable.from([body]);
    const check = await runCommand([promtool ?? "", "check", "metrics"], { input });
    expect(check).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
