import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { systemClock, type Clock } from "#shared/base/clock.ts";
import {
  databaseConnectionsMax,
  databaseIdleMsMax,
  databaseTransactionMsMax,
  databaseWaitersMax,
  databaseWaitMsMax,
} from "#shared/base/limits.ts";

import type { Transaction } from "../../../control/storage/database.ts";
import { createPostgresDatabase } from "../../../control/storage/postgres-database.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ownPostgres } from "../../support/own-postgres.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { tcpRelay } from "../../support/tcp-relay.ts";
import { newTenantId } from "../../support/tenants.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.stop());

/** Another pool on a database, closed at the end of the test. */
function poolOn(url: string, clock: Clock = systemClock()) {
  const database = createPostgresDatabase({ url, clock, random: Math.random });
  onTestFinished(() => database.stop());
  return database;
}

/** A transaction that stays open until it is told to end, and says when it has begun. */
function held(database: TestDatabase["database"]) {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const outcome = database.asSystem(async (tx) => {
    await tx.execute(sql`SELECT 1`);
    begun.resolve();
    await end.promise;
  });
  outcome.catch(() => begun.resolve());
  return { begun: begun.promise, end: end.resolve, outcome };
}

function groupInsert(tenantId: string, name: string) {
  return sql`INSERT INTO groups (tenant_id, id, name) VALUES (${tenantId}, ${name}, ${name})`;
}

async function groupsIn(tenantId: string): Promise<readonly string[]> {
  const rows = await db.sql<{ name: string }[]>`
    SELECT name FROM groups WHERE tenant_id = ${tenantId} ORDER BY name`;
  return rows.map((row) => row.name);
}

const unavailable = { code: "storage/unavailable", owner: "platform" };

async function whoAndWhere(tx: Transaction) {
  const rows = await tx.execute(sql`
    SELECT current_user AS role, current_setting('midstream.tenant', true) AS tenant,
      current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock`);
  return rows[0];
}

describe("a transaction", () => {
  test("runs under its role, with its tenant and its bounds", async () => {
    const tenantId = newTenantId();
    expect(await db.database.asTenant(tenantId, whoAndWhere)).toEqual({
      role: "midstream_tenant",
      tenant: tenantId,
      statement: "10s",
      lock: "5s",
    });
    expect(await db.database.asSystem(whoAndWhere)).toMatchObject({
      role: "midstream_system",
      tenant: "",
    });
  });

  test("leaves nothing of itself on its connection", async () => {
    const plain = await db.sql`SELECT current_setting('statement_timeout') AS statement`;
    expect(plain).toEqual([{ statement: "0" }]);
    const database = poolOn(db.url);
    const pid = sql`SELECT pg_backend_pid() AS pid`;
    const [first] = await database.asTenant(newTenantId(), (tx) => tx.execute(pid));
    const [second] = await database.asSystem((tx) => tx.execute(pid));
    expect(second).toEqual(first);
    expect(await database.asSystem(whoAndWhere)).toMatchObject({ tenant: "" });
  });

  test("that throws leaves nothing, and throws the same", async () => {
    const tenantId = newTenantId();
    const own = new Error("own");
    const outcome = db.database.asTenant(tenantId, async (tx) => {
      await tx.execute(groupInsert(tenantId, "a"));
      throw own;
    });
    await expect(outcome).rejects.toBe(own);
    expect(await groupsIn(tenantId)).toEqual([]);
  });

  test("that goes on after a failed statement is not taken for committed", async () => {
    const tenantId = newTenantId();
    const outcome = db.database.asTenant(tenantId, async (tx) => {
      await tx.execute(groupInsert(tenantId, "a"));
      await tx.execute(sql`SELECT 1 / 0`).catch(() => undefined);
    });
    await expect(outcome).rejects.toMatchObject({ code: "storage/rolled-back" });
    expect(await groupsIn(tenantId)).toEqual([]);
  });

  test("may hold a nested one that fails alone", async () => {
    const tenantId = newTenantId();
    await db.database.asTenant(tenantId, async (tx) => {
      await tx.execute(groupInsert(tenantId, "a"));
      const inner = tx.transaction(async (nested) => {
        await nested.execute(groupInsert(tenantId, "b"));
        await nested.execute(sql`SELECT 1 / 0`);
      });
      await expect(inner).rejects.toThrow();
      await tx.transaction((nested) => nested.execute(groupInsert(tenantId, "c")));
    });
    expect(await groupsIn(tenantId)).toEqual(["a", "c"]);
  });

  test("refuses statements once it is over", async () => {
    let kept: Transaction | undefined;
    await db.database.asSystem((tx) => {
      kept = tx;
      return Promise.resolve();
    });
    await expect(kept?.execute(sql`SELECT 1`)).rejects.toThrow();
  });

  test("refused by Postgres names neither the statement nor what it was given", async () => {
    const outcome = db.database.asSystem((tx) =>
      tx.execute(sql`SELECT ${"s3cret"}::text::integer`),
    );
    const error = await outcome.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "storage/query-failed" });
    const shown = error instanceof Error ? error.message + (error.stack ?? "") : "";
    expect(shown).not.toContain("s3cret");
    expect(shown).not.toContain("integer");
  });

  test("is refused to what is no tenant's id", async () => {
    const evil = "x', true); DROP TABLE users; --" as ReturnType<typeof newTenantId>;
    await expect(db.database.asTenant(evil, whoAndWhere)).rejects.toMatchObject({
      code: "storage/bad-tenant-id",
    });
  });
});

describe("a connection that dies in the middle of a transaction", () => {
  const ownPid = sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`;

  async function terminateBackendOf(tx: Transaction): Promise<void> {
    const rows = await tx.execute<{ pid: number }>(ownPid);
    await db.sql`SELECT pg_terminate_backend(${rows[0]?.pid ?? 0})`;
  }

  test("fails it, runs nothing of it anywhere else, and harms nobody", async () => {
    const tenantId = newTenantId();
    const database = poolOn(db.url);
    const refusals: unknown[] = [];
    const outcome = database.asTenant(tenantId, async (tx) => {
      await tx.execute(groupInsert(tenantId, "a"));
      await terminateBackendOf(tx);
      for (const name of ["b", "c", "d"]) {
        await tx.execute(groupInsert(tenantId, name)).catch((error: unknown) => {
          refusals.push(error);
        });
      }
    });
    await expect(outcome).rejects.toMatchObject(unavailable);
    expect(refusals).toHaveLength(3);
    expect(await groupsIn(tenantId)).toEqual([]);
    await database.asTenant(tenantId, (tx) => tx.execute(groupInsert(tenantId, "after")));
    expect(await groupsIn(tenantId)).toEqual(["after"]);
  });

  test("many at once: all fail, and all work again at once", async () => {
    const database = poolOn(db.url);
    const all = Array.from({ length: 40 }, () =>
      database.asSystem(async (tx) => {
        await terminateBackendOf(tx);
        await tx.execute(sql`SELECT 1`);
      }),
    );
    const outcomes = await Promise.allSettled(all);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
    }
    const again = Array.from({ length: 40 }, () => database.asSystem(whoAndWhere));
    expect(await Promise.all(again)).toHaveLength(40);
  });

  test("while it lay idle costs the next transaction nothing", async () => {
    const database = poolOn(db.url);
    const holds = Array.from({ length: 5 }, () => held(database));
    await Promise.all(holds.map((hold) => hold.begun));
    for (const hold of holds) hold.end();
    await Promise.all(holds.map((hold) => hold.outcome));
    await db.sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'midstream'`;
    const all = Array.from({ length: 20 }, () => database.asSystem(whoAndWhere));
    expect(await Promise.all(all)).toHaveLength(20);
  });
});

describe("the pool", () => {
  test("opens so many connections and no more; who waits too long is refused", async () => {
    const clock = new FakeClock();
    const database = poolOn(db.url, clock);
    const holds = Array.from({ length: databaseConnectionsMax }, () => held(database));
    await Promise.all(holds.map((hold) => hold.begun));
    const late = database.asSystem(whoAndWhere);
    const refused = expect(late).rejects.toMatchObject(unavailable);
    await clock.advanceSettled(databaseWaitMsMax);
    await refused;

    const patient = database.asSystem(whoAndWhere);
    holds[0]?.end();
    expect(await patient).toMatchObject({ role: "midstream_system" });
    for (const hold of holds) hold.end();
    await Promise.all(holds.map((hold) => hold.outcome));
  });

  test("lets so many wait and no more", async () => {
    const database = poolOn(db.url);
    const holds = Array.from({ length: databaseConnectionsMax }, () => held(database));
    await Promise.all(holds.map((hold) => hold.begun));
    const waiting = Array.from({ length: databaseWaitersMax }, () =>
      database.asSystem(whoAndWhere),
    );
    await expect(database.asSystem(whoAndWhere)).rejects.toMatchObject(unavailable);
    for (const hold of holds) hold.end();
    expect(await Promise.all(waiting)).toHaveLength(databaseWaitersMax);
  });

  test("cuts a transaction that takes too long, and the connection with it", async () => {
    const clock = new FakeClock();
    const database = poolOn(db.url, clock);
    const outcome = database.asSystem((tx) => tx.execute(sql`SELECT pg_sleep(60)`));
    const refused = expect(outcome).rejects.toMatchObject(unavailable);
    await eventually(async () => {
      const rows = await db.sql`
        SELECT 1 FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%' AND state = 'active'
            AND pid <> pg_backend_pid()`;
      return rows.length > 0;
    });
    await clock.advanceSettled(databaseTransactionMsMax);
    await refused;
    expect(await database.asSystem(whoAndWhere)).toMatchObject({ role: "midstream_system" });
  });

  test("closes what was not used for a while", async () => {
    const clock = new FakeClock();
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const database = poolOn(db.url.replace(/:\d+\//, `:${relay.port}/`), clock);
    const holds = Array.from({ length: 4 }, () => held(database));
    await Promise.all(holds.map((hold) => hold.begun));
    for (const hold of holds) hold.end();
    await Promise.all(holds.map((hold) => hold.outcome));
    expect(relay.open).toBe(4);
    clock.advance(2 * databaseIdleMsMax);
    await eventually(() => relay.open === 0);
    expect(await database.asSystem(whoAndWhere)).toMatchObject({ role: "midstream_system" });
  });

  test("that is stopped refuses everything and leaves no connection", async () => {
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const url = db.url.replace(/:\d+\//, `:${relay.port}/`);
    const database = createPostgresDatabase({ url, clock: systemClock(), random: Math.random });
    const hold = held(database);
    await hold.begun;
    const cut = expect(hold.outcome).rejects.toMatchObject(unavailable);
    await database.stop();
    hold.end();
    await cut;
    await expect(database.asSystem(whoAndWhere)).rejects.toMatchObject(unavailable);
    await eventually(() => relay.open === 0);
  });
});

describe("a bad network", () => {
  test("a commit whose answer was lost is told apart: it may have happened", async () => {
    const tenantId = newTenantId();
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const database = poolOn(db.url.replace(/:\d+\//, `:${relay.port}/`));
    relay.cutAfter("COMMIT");
    const outcome = database.asTenant(tenantId, (tx) => tx.execute(groupInsert(tenantId, "a")));
    await expect(outcome).rejects.toMatchObject({ code: "storage/commit-unknown" });
    expect(await groupsIn(tenantId)).toEqual(["a"]);
  });

  test("a silent one is given up after a bound, also while connecting", async () => {
    const clock = new FakeClock();
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const database = poolOn(db.url.replace(/:\d+\//, `:${relay.port}/`), clock);
    await database.asSystem(whoAndWhere);
    relay.freeze();
    const old = expect(database.asSystem(whoAndWhere)).rejects.toMatchObject(unavailable);
    const fresh = expect(database.asSystem(whoAndWhere)).rejects.toMatchObject(unavailable);
    await eventually(() => relay.open === 2);
    await clock.advanceSettled(databaseTransactionMsMax);
    await Promise.all([old, fresh]);
    relay.thaw();
    expect(await database.asSystem(whoAndWhere)).toMatchObject({ role: "midstream_system" });
  });

  test("a ping answers within its bound, whatever happens", async () => {
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const database = poolOn(db.url.replace(/:\d+\//, `:${relay.port}/`));
    expect(await database.ping(5_000)).toBe(true);
    relay.freeze();
    expect(await database.ping(50)).toBe(false);
  });
});

test("Postgres stopped: refused at once; started again: everything works by itself", async () => {
  const own = await ownPostgres(onTestFinished);
  const database = poolOn(own.url);
  const heard: string[] = [];
  let listens = 0;
  const listening = await database.listen("midstream", {
    onPayload: (payload) => heard.push(payload),
    onListen: () => (listens += 1),
  });
  onTestFinished(() => listening.stop());
  await eventually(() => listens === 1);
  const holds = Array.from({ length: 3 }, () => held(database));
  await Promise.all(holds.map((hold) => hold.begun));

  await own.stop();
  for (const hold of holds) {
    hold.end();
    await expect(hold.outcome).rejects.toMatchObject(unavailable);
  }
  const refused = Array.from({ length: 50 }, () => database.asSystem(whoAndWhere));
  for (const outcome of await Promise.allSettled(refused)) {
    expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
  }
  expect(await database.ping(1_000)).toBe(false);

  await own.start();
  const again = Array.from({ length: 50 }, () => database.asSystem(whoAndWhere));
  expect(await Promise.all(again)).toHaveLength(50);
  expect(await database.ping(1_000)).toBe(true);
  await eventually(() => listens === 2);
  await database.asSystem((tx) => tx.execute(sql`SELECT pg_notify('midstream', 'hello')`));
  await eventually(() => heard.includes("hello"));
});

describe("listening", () => {
  test("hears what was committed on its channel, and nothing of what was rolled back", async () => {
    const heard: string[] = [];
    const ready = Promise.withResolvers<void>();
    const listening = await db.database.listen("midstream", {
      onPayload: (payload) => heard.push(payload),
      onListen: () => ready.resolve(),
    });
    onTestFinished(() => listening.stop());
    await ready.promise;
    const undo = db.database.asSystem(async (tx) => {
      await tx.execute(sql`SELECT pg_notify('midstream', 'undone')`);
      throw new Error("undo");
    });
    await expect(undo).rejects.toThrow("undo");
    await db.sql`SELECT pg_notify('other', 'elsewhere'), pg_notify('midstream', 'done')`;
    await eventually(() => heard.includes("done"));
    expect(heard).toEqual(["done"]);
  });

  test("starts again by itself when its connection is cut, and says so each time", async () => {
    let listens = 0;
    const listening = await db.database.listen("midstream", {
      onPayload: () => undefined,
      onListen: () => (listens += 1),
    });
    onTestFinished(() => listening.stop());
    for (const round of [1, 2, 3]) {
      await eventually(() => listens === round);
      await db.sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'midstream listen'`;
    }
    await eventually(() => listens === 4);
  });

  test("notices a connection that is dead without being closed", async () => {
    const clock = new FakeClock();
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const database = poolOn(db.url.replace(/:\d+\//, `:${relay.port}/`), clock);
    let listens = 0;
    const listening = await database.listen("midstream", {
      onPayload: () => undefined,
      onListen: () => (listens += 1),
    });
    onTestFinished(() => listening.stop());
    await eventually(() => listens === 1);
    relay.freeze();
    await clock.advanceSettled(60_000);
    relay.thaw();
    await eventually(async () => {
      await clock.advanceSettled(1_000);
      return listens === 2;
    });
  });

  test("that is stopped leaves no connection", async () => {
    const relay = await tcpRelay(onTestFinished, Number(new URL(db.url).port));
    const database = poolOn(db.url.replace(/:\d+\//, `:${relay.port}/`));
    const ready = Promise.withResolvers<void>();
    const listening = await database.listen("midstream", {
      onPayload: () => undefined,
      onListen: () => ready.resolve(),
    });
    await ready.promise;
    expect(relay.open).toBe(1);
    await listening.stop();
    await eventually(() => relay.open === 0);
  });
});
