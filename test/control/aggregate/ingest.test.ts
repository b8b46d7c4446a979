import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import type { NodeId, TenantId } from "#shared/base/ids.ts";
import { clockOffsetMsMax } from "#shared/base/limits.ts";
import type { Report } from "#shared/measures/report.ts";

import { createIngest, type Ingest } from "../../../control/aggregate/ingest.ts";
import type { Database } from "../../../control/storage/database.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { anyId, tenantRows, type TenantRows } from "../../support/tenant-rows.ts";

interface World {
  readonly db: TestDatabase;
  readonly tenant: TenantRows;
  readonly node: NodeId;
  readonly balancer: string;
}

async function world(): Promise<World> {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const tenant = await tenantRows(db.sql);
  const balancer = anyId("bal");
  await tenant.commit({ [balancer]: { name: "web" } });
  return { db, tenant, node: await addNode(db, tenant.tenantId), balancer };
}

async function addNode(db: TestDatabase, tenantId: TenantId): Promise<NodeId> {
  const id = anyId("nod");
  await db.sql`
    INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent)
    VALUES (${tenantId}, ${id}, 'grp', 'host', 'k', 'k', 'a')`;
  return id;
}

function started(database: Database, log = recordedLog()): Ingest {
  const ingest = createIngest({ database, clock: systemClock(), log });
  onTestFinished(() => ingest.stop());
  return ingest;
}

const columns = ["connections", "refused", "rejected", "rxBytes", "txBytes"];

function report(seq: number, rows: Report["rows"], over: Partial<Report> = {}): Report {
  const toMs = Date.now();
  return {
    ...{ bootId: "boot", seq, fromMs: toMs - 2_000, toMs, dropped: 0 },
    counterColumns: columns,
    gaugeColumns: ["activeConnections", "live"],
    rows,
    ...over,
  };
}

function row(balancer: string, counters: number[], backend = "", gauges = [1, 1]) {
  return { balancer, backend, counters, gauges };
}

async function totals(db: TestDatabase) {
  return db.sql`
    SELECT backend, connections::int, refused::int, rejected::int, rx_bytes::float8,
      tx_bytes::float8, active_connections, live
    FROM stat_totals ORDER BY backend`;
}

describe("a report", () => {
  test("adds to totals, ten-second and one-minute buckets, and is marked when stored", async () => {
    const { db, node, balancer } = await world();
    const ingest = started(db.database);
    const rows = [
      row(balancer, [3, 1, 0, 500, 70], "", [2, 1]),
      row(balancer, [3, 0, 0, 500, 70], "a:1"),
    ];
    expect(await ingest.take(node, report(1, rows), 0)).toBe(1);
    expect(await ingest.take(node, report(2, rows), 0)).toBe(2);
    const [whole] = await totals(db);
    expect(whole).toEqual({
      ...{ backend: "", connections: 6, refused: 2, rejected: 0, rx_bytes: 1_000, tx_bytes: 140 },
      ...{ active_connections: 2, live: 1 },
    });
    for (const table of ["stat_10s", "stat_1m"]) {
      const [sum] = await db.sql`
        SELECT sum(rx_bytes)::int AS rx FROM ${db.sql(table)} WHERE backend = ''`;
      expect(sum).toEqual({ rx: 1_000 });
    }
    const [seen] = await db.sql`SELECT seq::int, dropped::int FROM stat_seen`;
    expect(seen).toEqual({ seq: 2, dropped: 0 });
  });

  test("counts once: repeated, after a gap, or out of turn it does not", async () => {
    const { db, node, balancer } = await world();
    const ingest = started(db.database);
    const rows = [row(balancer, [1, 0, 0, 0, 0])];
    expect(await ingest.take(node, report(1, rows), 0)).toBe(1);
    expect(await ingest.take(node, report(1, rows), 0), "repeated").toBe(1);
    expect(await ingest.take(node, report(3, rows), 0), "a gap").toBe(1);
    expect(await ingest.take(node, report(2, rows, { dropped: 7 }), 0)).toBe(2);
    expect(await ingest.take(node, report(1, rows, { bootId: "next" }), 0), "a boot").toBe(1);
    expect(await totals(db)).toMatchObject([{ connections: 3 }]);
    const [seen] = await db.sql`SELECT dropped::int FROM stat_seen WHERE boot_id = 'boot'`;
    expect(seen).toEqual({ dropped: 7 });
  });

  test("counts once although the process restarts and two instances take it at the same time", async () => {
    const { db, node, balancer } = await world();
    const rows = [row(balancer, [1, 0, 0, 10, 0])];
    let seq = 0;
    for (let round = 0; round < 5; round += 1) {
      const [one, two] = [started(db.database), started(db.database)];
      const batch = [seq + 1, seq + 2, seq + 3].map((each) => report(each, rows));
      seq += 3;
      const marks = await Promise.all(
        batch.flatMap((each) => [one.take(node, each, 0), two.take(node, each, 0)]),
      );
      expect(Math.max(...marks.map((mark) => mark ?? 0))).toBe(seq);
      await Promise.all([one.stop(), two.stop()]);
    }
    expect(await totals(db)).toMatchObject([{ connections: seq, rx_bytes: 10 * seq }]);
  });

  test("of a run whose beginning was counted before counts all the same", async () => {
    const { db, node, balancer } = await world();
    const rows = [row(balancer, [1, 0, 0, 10, 0])];
    const [before, after] = [started(db.database), started(db.database)];
    await Promise.all([1, 2].map((seq) => before.take(node, report(seq, rows), 0)));
    const other = await addNode(db, (await tenantRows(db.sql)).tenantId);
    const run = [1, 2, 3, 4].map((seq) => after.take(node, report(seq, rows), 0));
    const beside = after.take(other, report(1, []), 0);
    expect(await Promise.all(run)).toEqual([2, 2, 4, 4]);
    expect(await beside).toBe(1);
    expect(await totals(db)).toMatchObject([{ connections: 4, rx_bytes: 40 }]);
  });

  test("says nothing about balancers of other tenants, or that are gone", async () => {
    const { db, tenant, node, balancer } = await world();
    const stranger = await tenantRows(db.sql);
    await stranger.commit({ bal_theirs: { name: "theirs" } });
    const ingest = started(db.database);
    const rows = ["bal_theirs", "bal_gone", balancer].map((id) => row(id, [1, 0, 0, 0, 0]));
    expect(await ingest.take(node, report(1, rows), 0)).toBe(1);
    const stored = await db.sql`SELECT tenant_id, balancer_id FROM stat_totals`;
    expect([...stored]).toEqual([{ tenant_id: tenant.tenantId, balancer_id: balancer }]);
  });

  test("may have columns that are not known here, and lack some that are", async () => {
    const { db, node, balancer } = await world();
    const ingest = started(db.database);
    const over = { counterColumns: ["sparks", "txBytes", "connections"], gaugeColumns: ["mood"] };
    await ingest.take(node, report(1, [row(balancer, [9, 8, 7], "", [5])], over), 0);
    expect(await totals(db)).toMatchObject([
      { connections: 7, tx_bytes: 8, rx_bytes: 0, active_connections: 0 },
    ]);
  });

  test("with the last row of a backend: it has departed, and is there again when it comes back", async () => {
    const { db, node, balancer } = await world();
    const ingest = started(db.database);
    const over = { gaugeColumns: ["activeConnections", "live", "gone"] };
    const backend = (gauges: number[]) => row(balancer, [1, 0, 0, 0, 0], "a:1", gauges);
    const departed = async () => {
      const [found] = await db.sql`
        SELECT connections::int, departed, active_connections, live FROM stat_totals`;
      return found;
    };
    await ingest.take(node, report(1, [backend([2, 1, 0])], over), 0);
    expect(await departed()).toMatchObject({ departed: false, live: 1 });
    await ingest.take(node, report(2, [backend([0, 0, 1])], over), 0);
    const idle = { active_connections: 0, live: 0 };
    expect(await departed()).toEqual({ connections: 2, departed: true, ...idle });
    await ingest.take(node, report(3, [backend([1, 1, 0])], over), 0);
    expect(await departed()).toMatchObject({ connections: 3, departed: false, live: 1 });
  });

  test("the first of a boot: what it does not name has departed while the node was not running", async () => {
    const { db, tenant, node, balancer } = await world();
    const ingest = started(db.database);
    const other = await addNode(db, tenant.tenantId);
    const rows = ["stays:1", "left:1"].map((name) => row(balancer, [1, 0, 0, 0, 0], name));
    await ingest.take(node, report(1, rows), 0);
    await ingest.take(other, report(1, rows), 0);
    await ingest.take(node, report(1, rows.slice(0, 1), { bootId: "next" }), 0);
    await ingest.take(node, report(2, [], { bootId: "next" }), 0);
    await ingest.take(node, report(2, rows.slice(0, 1)), 0);
    const stored = await db.sql`
      SELECT node_id = ${node} AS own, backend, departed FROM stat_totals ORDER BY 1, 2`;
    expect([...stored]).toEqual([
      { own: false, backend: "left:1", departed: false },
      { own: false, backend: "stays:1", departed: false },
      { own: true, backend: "left:1", departed: true },
      { own: true, backend: "stays:1", departed: false },
    ]);
  });

  test("of an unknown node is not stored", async () => {
    const { db, balancer } = await world();
    const ingest = started(db.database);
    const rows = [row(balancer, [1, 0, 0, 0, 0])];
    expect(await ingest.take(anyId("nod"), report(1, rows), 0)).toBe(0);
    expect([...(await totals(db))]).toEqual([]);
  });

  test("that is late counts when it happened, if the node's clock can be believed", async () => {
    const { db, node, balancer } = await world();
    const ingest = started(db.database);
    const rows = [row(balancer, [1, 0, 0, 0, 0])];
    const toMs = Date.now() - 600_000;
    await ingest.take(node, report(1, rows, { toMs }), 100);
    await ingest.take(node, report(2, rows, { toMs }), clockOffsetMsMax + 1);
    await ingest.take(node, report(3, rows, { toMs: Date.now() + 600_000 }), 100);
    const buckets = await db.sql<{ bucket: Date; connections: string }[]>`
      SELECT bucket, connections FROM stat_10s ORDER BY bucket`;
    expect(buckets[0]?.bucket.getTime()).toBe(Math.floor(toMs / 10_000) * 10_000);
    expect(buckets.slice(1).reduce((sum, { connections }) => sum + Number(connections), 0)).toBe(2);
    for (const { bucket } of buckets.slice(1)) {
      expect(Math.abs(bucket.getTime() - Date.now())).toBeLessThan(60_000);
    }
  });

  test("with absurd numbers and odd characters harms neither the sums nor the others", async () => {
    const { db, tenant, node, balancer } = await world();
    const ingest = started(db.database);
    const huge = Number.MAX_SAFE_INTEGER;
    const other = await addNode(db, tenant.tenantId);
    const odd = `a\u0000\ud800:1`;
    const [first, second] = await Promise.all([
      ingest.take(node, report(1, [row(balancer, [huge, huge, huge, huge, huge], odd)]), 0),
      ingest.take(other, report(1, [row(balancer, [1, 1, 1, 1, 1])]), 0),
    ]);
    expect([first, second]).toEqual([1, 1]);
    expect(await ingest.take(node, report(2, [row(balancer, [huge, 0, 0, 0, 0], odd)]), 0)).toBe(2);
    const stored = await db.sql`SELECT backend, connections FROM stat_totals ORDER BY backend`;
    expect([...stored]).toEqual([
      { backend: "", connections: "1" },
      { backend: "a\ufffd:1", connections: String(huge) },
    ]);
  });
});

test("a report that is refused takes no other with it; what it leaves out is declared and said", async () => {
  const { db, tenant, node, balancer } = await world();
  await db.sql`ALTER TABLE stat_totals ADD CONSTRAINT refused CHECK (backend <> 'refused')`;
  const log = recordedLog();
  const ingest = started(db.database, log);
  const other = await addNode(db, tenant.tenantId);
  const good = [row(balancer, [1, 0, 0, 10, 0])];
  const bad = [...good, row(balancer, [1, 0, 0, 10, 0], "refused")];
  const reports = Array.from({ length: 8 }, (_, n) => report(n + 1, n === 4 ? bad : good));
  const marks = await Promise.all([
    ...reports.map((each) => ingest.take(node, each, 0)),
    ingest.take(other, report(1, good), 0),
  ]);
  expect(marks.at(-1)).toBe(1);
  expect(marks.at(-2)).toBe(8);
  for (const [index, mark] of marks.slice(0, 8).entries()) {
    expect(mark).toBeGreaterThanOrEqual(index + 1);
  }
  const sums = await db.sql`
    SELECT node_id, connections::int FROM stat_totals ORDER BY connections DESC`;
  expect([...sums]).toEqual([
    { node_id: node, connections: 7 },
    { node_id: other, connections: 1 },
  ]);
  const [seen] = await db.sql`SELECT seq::int, dropped::int FROM stat_seen WHERE node_id = ${node}`;
  expect(seen).toEqual({ seq: 8, dropped: 2 });
  const leftOut = log.lines.filter(({ event }) => event === "ingest.left-out");
  expect(leftOut).toMatchObject([{ level: "error", fields: { node, seq: 5, rows: 2 } }]);
});

test("while Postgres is away nothing is taken, and what comes again afterwards counts once", async () => {
  const { db, node, balancer } = await world();
  const gate = { open: false };
  const away = () => Promise.reject(new Error("away"));
  const ingest = started({
    ...db.database,
    asSystem: (run) => (gate.open ? db.database.asSystem(run) : away()),
  });
  const rows = [row(balancer, [1, 0, 0, 0, 0])];
  expect(await ingest.take(node, report(1, rows), 0)).toBeNull();
  gate.open = true;
  expect(await ingest.take(node, report(1, rows), 0)).toBe(1);
  expect(await totals(db)).toMatchObject([{ connections: 1 }]);
});

test("a commit whose answer got lost is not counted again", async () => {
  const { db, node, balancer } = await world();
  const lost = { next: true };
  const ingest = started({
    ...db.database,
    asSystem: async (run) => {
      const result = await db.database.asSystem(run);
      if (lost.next) {
        lost.next = false;
        throw new Error("the answer got lost");
      }
      return result;
    },
  });
  const rows = [row(balancer, [5, 0, 0, 0, 0])];
  expect(await ingest.take(node, report(1, rows), 0)).toBeNull();
  expect(await ingest.take(node, report(1, rows), 0)).toBe(1);
  expect(await totals(db)).toMatchObject([{ connections: 5 }]);
});

test("many nodes' reports are stored together, and sums are exact", async () => {
  const { db, tenant, balancer } = await world();
  const ingest = started(db.database);
  const nodes = await Promise.all(Array.from({ length: 60 }, () => addNode(db, tenant.tenantId)));
  const rows = Array.from({ length: 20 }, (_, n) => row(balancer, [1, 0, 0, n, 1], `b:${n}`));
  for (let seq = 1; seq <= 5; seq += 1) {
    const marks = await Promise.all(nodes.map((node) => ingest.take(node, report(seq, rows), 0)));
    expect(new Set(marks)).toEqual(new Set([seq]));
  }
  const [sum] = await db.sql`
    SELECT sum(connections)::int AS connections, sum(rx_bytes)::int AS rx FROM stat_totals`;
  expect(sum).toEqual({ connections: 60 * 20 * 5, rx: 60 * 5 * 190 });
  const [minutes] = await db.sql`SELECT sum(connections)::int AS connections FROM stat_1m`;
  expect(minutes).toEqual({ connections: 60 * 20 * 5 });
});
