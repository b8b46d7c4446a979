import type { Sql, TransactionSql } from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";

import {
  bootMsKept,
  buckets10sMsKept,
  buckets1mMsKept,
  departedTotalsMsKept,
  eventsPerNodeKept,
  receiptsPerNodeKept,
  retentionMs,
  retentionNodesMax,
  retentionRoundMsMax,
  retentionRowsMax,
} from "#shared/base/limits.ts";

import {
  pruneDepartedBackends,
  pruneOldBuckets,
  walkNodes,
  walkTotals,
  type Pruning,
} from "../../../control/aggregate/pruning.ts";
import { startRetention } from "../../../control/aggregate/retention.ts";
import type { Database } from "../../../control/storage/database.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { nodeRow } from "../../support/node-rows.ts";
import { testDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { tenantRows } from "../../support/tenant-rows.ts";

function ago(ms: number): Date {
  return new Date(Date.now() - ms);
}

async function empty() {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const { sql } = db;
  const tenant = await tenantRows(sql);
  const count = async (table: string): Promise<number> => {
    const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${sql(table)}`;
    return row?.n ?? 0;
  };
  return { db, sql, tenant, tenantId: tenant.tenantId, count };
}

async function filled() {
  const world = await empty();
  const { sql, tenant, tenantId } = world;
  await tenant.commit({ bal_kept: { name: "kept" } });
  const node = await nodeRow(sql, tenantId);
  for (const [table, keptMs] of [
    ["stat_10s", buckets10sMsKept],
    ["stat_1m", buckets1mMsKept],
  ] as const) {
    for (const at of [ago(keptMs - 60_000), ago(keptMs + 60_000)]) {
      const values = { tenant_id: tenantId, balancer_id: "bal_kept", backend: "", bucket: at };
      const row = table === "stat_10s" ? { ...values, node_id: node } : values;
      await sql`INSERT INTO ${sql(table)} ${sql(row)}`;
    }
  }
  for (const balancer of ["bal_gone", "bal_kept", "bal_lost"]) {
    await sql`
      INSERT INTO stat_totals (tenant_id, balancer_id, node_id, backend, updated_at)
      VALUES (${tenantId}, ${balancer}, ${node}, '', now())`;
  }
  for (const [boot, at] of [
    ["now", ago(0)],
    ["long ago", ago(bootMsKept + 60_000)],
  ] as const) {
    await sql`
      INSERT INTO stat_seen (tenant_id, node_id, boot_id, seq, at)
      VALUES (${tenantId}, ${node}, ${boot}, 1, ${at})`;
  }
  for (const [backend, leftAt] of [
    ["left", ago(departedTotalsMsKept - 60_000)],
    ["long-left", ago(departedTotalsMsKept + 60_000)],
  ] as const) {
    await sql`
      INSERT INTO stat_totals (tenant_id, balancer_id, node_id, backend, departed, updated_at)
      VALUES (${tenantId}, 'bal_kept', ${node}, ${backend}, true, ${leftAt})`;
  }
  await history(sql, { tenantId, node }, 50);
  return { ...world, node };
}

/** Events and receipts of a node, so many more than are kept. */
async function history(
  sql: Sql,
  { tenantId, node }: { readonly tenantId: string; readonly node: string },
  tooMany: number,
): Promise<void> {
  await sql`
    INSERT INTO node_events (tenant_id, node_id, at, kind, detail)
    SELECT ${tenantId}, ${node}, now(), 'backend.up', n::text
    FROM generate_series(1, ${eventsPerNodeKept + tooMany}::int) AS n`;
  await sql`
    INSERT INTO node_revisions (tenant_id, node_id, rev)
    SELECT ${tenantId}, ${node}, n
    FROM generate_series(1, ${receiptsPerNodeKept + tooMany}::int) AS n`;
}

async function buckets(sql: Sql, tenantId: string, rows: number): Promise<void> {
  await sql`
    INSERT INTO stat_10s (tenant_id, balancer_id, node_id, backend, bucket)
    SELECT ${tenantId}, 'bal', 'nod', n::text, ${ago(buckets10sMsKept + 60_000)}
    FROM generate_series(1, ${rows}::int) AS n`;
}

/** To its end; gives how many transactions it took. */
async function all(database: Database, pruning: Pruning): Promise<number> {
  for (let steps = 1; ; steps += 1) {
    if (!(await pruning(database))) return steps;
  }
}

async function pruneAll(database: Database): Promise<void> {
  for (const pruning of [pruneOldBuckets, pruneDepartedBackends, walkTotals(), walkNodes()]) {
    await all(database, pruning);
  }
}

test("what is past its time goes, what is not stays", async () => {
  const { db, sql, count } = await filled();
  await pruneAll(db.database);
  expect(await count("stat_10s")).toBe(1);
  expect(await count("stat_1m")).toBe(1);
  expect([...(await sql`SELECT balancer_id, backend FROM stat_totals ORDER BY backend`)]).toEqual([
    { balancer_id: "bal_kept", backend: "" },
    { balancer_id: "bal_kept", backend: "left" },
  ]);
  expect([...(await sql`SELECT boot_id FROM stat_seen`)]).toEqual([{ boot_id: "now" }]);
  expect(await count("node_events")).toBe(eventsPerNodeKept);
  const [oldest] = await sql`SELECT min(detail::int) AS detail FROM node_events`;
  expect(oldest).toEqual({ detail: 51 });
  expect(await count("node_revisions")).toBe(receiptsPerNodeKept);
});

test("the counting of a node goes on where it was, however long nothing happened", async () => {
  const { db, sql, tenantId } = await filled();
  const [quiet, retired] = [await nodeRow(sql, tenantId), await nodeRow(sql, tenantId)];
  await sql`UPDATE nodes SET revoked_at = now() WHERE id = ${retired}`;
  for (const node of [quiet, retired]) {
    const seen = { tenant_id: tenantId, node_id: node, boot_id: "b", seq: 7 };
    await sql`INSERT INTO stat_seen ${sql({ ...seen, at: ago(2 * bootMsKept) })}`;
  }
  await pruneAll(db.database);
  const kept = await sql`SELECT node_id FROM stat_seen WHERE boot_id = 'b'`;
  expect([...kept]).toEqual([{ node_id: quiet }]);
});

describe("a round", () => {
  test("comes by itself, removes more than one statement does, and stops", async () => {
    const { db, sql, tenantId, count } = await filled();
    await buckets(sql, tenantId, 2 * retentionRowsMax + 1);
    const clock = new FakeClock();
    const log = recordedLog();
    const retention = startRetention({ database: db.database, clock, random: () => 0.5, log });
    await clock.advanceSettled(retentionMs);
    await eventually(async () => expect(await count("stat_10s")).toBe(1));
    await eventually(async () => expect(await count("node_events")).toBe(eventsPerNodeKept));
    await retention.stop();
    expect(clock.timers).toBe(0);
    expect(log.lines).toEqual([]);
  });

  test("reaches every node, also when there are more than one statement looks at", async () => {
    const { db, sql, tenantId } = await empty();
    const nodes = retentionNodesMax + 5;
    await sql`
      INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent)
      SELECT ${tenantId}, 'nod_' || lpad(n::text, 26, '0'), 'grp', 'h', 'k', 'k', 'a'
      FROM generate_series(1, ${nodes}::int) AS n`;
    const last = `nod_${String(nodes).padStart(26, "0")}`;
    await history(sql, { tenantId, node: last }, 10);
    expect(await all(db.database, walkNodes())).toBe(2);
    const [left] = await sql`SELECT count(*)::int AS n FROM node_events`;
    expect(left).toEqual({ n: eventsPerNodeKept });
  });

  test("that has no time left ends, and the next one goes on", async () => {
    const { db, sql, tenantId, count } = await empty();
    await buckets(sql, tenantId, retentionRowsMax + 1);
    const clock = new FakeClock();
    const database: Database = {
      ...db.database,
      asSystem: async (run) => {
        const result = await db.database.asSystem(run);
        clock.advance(retentionRoundMsMax);
        return result;
      },
    };
    const log = recordedLog();
    const retention = startRetention({ database, clock, random: () => 0.5, log });
    onTestFinished(() => retention.stop());
    await clock.advanceSettled(retentionMs);
    await eventually(async () => expect(await count("stat_10s")).toBe(1));
    await eventually(() => clock.timers === 1);
    await clock.advanceSettled(retentionMs);
    await eventually(async () => expect(await count("stat_10s")).toBe(0));
  });

  test("that is told to stop begins no other statement", async () => {
    const { db, sql, tenantId, count } = await empty();
    await buckets(sql, tenantId, 3 * retentionRowsMax);
    const clock = new FakeClock();
    const begun = Promise.withResolvers<void>();
    const database: Database = {
      ...db.database,
      asSystem: (run) => {
        begun.resolve();
        return db.database.asSystem(run);
      },
    };
    const log = recordedLog();
    const retention = startRetention({ database, clock, random: () => 0.5, log });
    await clock.advanceSettled(retentionMs);
    await begun.promise;
    await retention.stop();
    expect(await count("stat_10s")).toBe(2 * retentionRowsMax);
  });
});

/** Scans from the beginning to the end, and rows found by an index, in this transaction so far. */
async function scansOf(tx: TransactionSql): Promise<Readonly<Record<string, number>>> {
  const rows = await tx<{ relname: string; scans: number }[]>`
    SELECT relname, seq_scan::int AS scans FROM pg_stat_xact_user_tables
    WHERE relname IN ('stat_10s', 'stat_1m', 'stat_totals', 'stat_seen', 'node_events',
      'node_revisions', 'nodes', 'idempotency', 'api_keys')`;
  return Object.fromEntries(rows.map(({ relname, scans }) => [relname, scans]));
}

test("no table is read from its beginning, whether its statistics are known or not", async () => {
  const { sql } = await filled();
  for (const analyzed of [false, true]) {
    if (analyzed) await sql`ANALYZE`;
    await sql.begin(async (tx) => {
      const before = await scansOf(tx);
      await tx`SELECT system.prune_buckets(1::bigint, 1::bigint, 10)`;
      await tx`SELECT * FROM system.prune_totals('', '', 10, 10)`;
      await tx`SELECT * FROM system.prune_nodes('', 10, 1::bigint, 1, 1, 10)`;
      await tx`SELECT system.prune_departed(1::bigint, 10)`;
      await tx`SELECT * FROM system.purge_expired(10)`;
      expect(await scansOf(tx)).toEqual(before);
    });
  }
});
