import { expect, onTestFinished, test } from "vitest";

import { purgeMs, purgeRowsMax } from "#shared/base/limits.ts";

import { startPurging } from "../../../control/storage/purging.ts";
import { newActor } from "../../support/actors.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";

async function ownDatabase(): Promise<TestDatabase> {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  return db;
}

test("what is over is deleted, what is not stays", async () => {
  const db = await ownDatabase();
  const { tenantId, keyId } = await newActor(db);
  await db.sql`
    INSERT INTO idempotency (tenant_id, key, fingerprint, sealed_answer, expires_at) VALUES
      (${tenantId}, 'old', 'f', 's', now() - interval '1 second'),
      (${tenantId}, 'new', 'f', 's', now() + interval '1 hour')`;
  await db.sql`
    INSERT INTO api_keys (tenant_id, id, kind, name, hash, scopes, expires_at) VALUES
      (${tenantId}, 'long-over', 'session', 's', '1', '{}', now() - interval '8 days'),
      (${tenantId}, 'just-over', 'session', 's', '2', '{}', now() - interval '6 days'),
      (${tenantId}, 'old-key', 'key', 'k', '3', '{}', now() - interval '8 days')`;
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const purging = startPurging({
    database: db.database,
    clock,
    random: () => 0.5,
    onError: (error) => errors.push(error),
  });
  clock.advance(purgeMs);
  await eventually(async () => {
    const answers = await db.sql`SELECT key FROM idempotency WHERE tenant_id = ${tenantId}`;
    expect(answers).toEqual([{ key: "new" }]);
    const keys = await db.sql`SELECT id FROM api_keys WHERE tenant_id = ${tenantId} ORDER BY id`;
    expect(keys.map((key) => key["id"] as string)).toEqual(
      ["just-over", "old-key", keyId].toSorted(),
    );
  });
  await purging.stop();
  expect(clock.timers).toBe(0);
  expect(errors).toEqual([]);
});

test("a turn deletes more than one statement does", async () => {
  const db = await ownDatabase();
  const { tenantId } = await newActor(db);
  await db.sql`
    INSERT INTO idempotency (tenant_id, key, fingerprint, sealed_answer, expires_at)
    SELECT ${tenantId}, n::text, 'f', 's', now() - interval '1 second'
    FROM generate_series(1, ${2 * purgeRowsMax + 1}::int) AS n`;
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const purging = startPurging({
    ...{ database: db.database, clock, random: () => 0.5 },
    onError: (error) => errors.push(error),
  });
  clock.advance(purgeMs);
  await eventually(async () => {
    const left = await db.sql`SELECT count(*)::int AS n FROM idempotency WHERE key <> 'new'`;
    expect(left).toEqual([{ n: 0 }]);
  });
  await purging.stop();
  expect(errors).toEqual([]);
});

test("a turn that fails is told, and the next one is tried", async () => {
  const db = await ownDatabase();
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const database: TestDatabase["database"] = {
    ...db.database,
    asSystem: () => Promise.reject(new Error("no database")),
  };
  const purging = startPurging({
    ...{ database, clock, random: () => 0.5 },
    onError: (error) => errors.push(error),
  });
  clock.advance(2 * purgeMs);
  await eventually(() => errors.length === 2);
  await purging.stop();
});
