import { expect, onTestFinished, test } from "vitest";

import {
  bootMsKept,
  buckets10sMsKept,
  buckets1mMsKept,
  eventsPerNodeKept,
  receiptsPerNodeKept,
  retentionMs,
} from "#shared/base/limits.ts";

import { pruneOnce, startRetention } from "../../../control/aggregate/retention.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { testDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { anyId, tenantRows } from "../../support/tenant-rows.ts";

async function filled() {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const { sql } = db;
  const tenant = await tenantRows(sql);
  const { tenantId } = tenant;
  await tenant.commit({ bal_kept: { name: "kept" } });
  const node = anyId("nod");
  const ago = (ms: number): Date => new Date(Date.now() - ms);
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
  for (const balancer of ["bal_kept", "bal_gone"]) {
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
  await sql`
    INSERT INTO node_events (tenant_id, node_id, at, kind, detail)
    SELECT ${tenantId}, ${node}, now(), 'backend.up', n::text
    FROM generate_series(1, ${eventsPerNodeKept + 50}::int) AS n`;
  await sql`
    INSERT INTO node_revisions (tenant_id, node_id, rev)
    SELECT ${tenantId}, ${node}, n FROM generate_series(1, ${receiptsPerNodeKept + 50}::int) AS n`;
  const count = async (table: string): Promise<number> => {
    const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${sql(table)}`;
    return row?.n ?? 0;
  };
  return { db, sql, count };
}

test("what is past its time goes, what is not stays", async () => {
  const { db, sql, count } = await filled();
  await pruneOnce(db.database, true);
  expect(await count("stat_10s")).toBe(1);
  expect(await count("stat_1m")).toBe(1);
  expect([...(await sql`SELECT balancer_id FROM stat_totals`)]).toEqual([
    { balancer_id: "bal_kept" },
  ]);
  expect([...(await sql`SELECT boot_id FROM stat_seen`)]).toEqual([{ boot_id: "now" }]);
  expect(await count("node_events")).toBe(eventsPerNodeKept);
  const [oldest] = await sql`SELECT min(detail::int) AS detail FROM node_events`;
  expect(oldest).toEqual({ detail: 51 });
  expect(await count("node_revisions")).toBe(receiptsPerNodeKept);
});

test("the counting of a node goes on where it was, however long nothing happened", async () => {
  const { db, sql } = await filled();
  const [quiet, retired] = [anyId("nod"), anyId("nod")];
  const [tenant] = await sql<{ id: string }[]>`SELECT id FROM tenants`;
  for (const [id, revokedAt] of [
    [quiet, null],
    [retired, new Date()],
  ] as const) {
    const keys = { signing_key: "k", receiving_key: "k", agent: "a" };
    const node = { tenant_id: tenant?.id ?? "", id, group_id: "grp", hostname: "h", ...keys };
    await sql`INSERT INTO nodes ${sql({ ...node, revoked_at: revokedAt })}`;
    const seen = { tenant_id: node.tenant_id, node_id: id, boot_id: "b", seq: 7 };
    await sql`
      INSERT INTO stat_seen ${sql({ ...seen, at: new Date(Date.now() - 2 * bootMsKept) })}`;
  }
  await pruneOnce(db.database, true);
  const kept = await sql`SELECT node_id FROM stat_seen WHERE boot_id = 'b'`;
  expect([...kept]).toEqual([{ node_id: quiet }]);
});

test("it happens by itself, and stops", async () => {
  const { db, count } = await filled();
  const clock = new FakeClock();
  const log = recordedLog();
  const retention = startRetention({ database: db.database, clock, random: () => 0.5, log });
  await clock.advanceSettled(retentionMs);
  await eventually(async () => expect(await count("stat_10s")).toBe(1));
  await retention.stop();
  expect(clock.timers).toBe(0);
  expect(log.lines).toEqual([]);
});
