import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import { sql as statement } from "drizzle-orm";
import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { migrate } from "../../../control/storage/migrate.ts";
import { createPostgresDatabase } from "../../../control/storage/postgres-database.ts";
import { newActor } from "../../support/actors.ts";
import { testDatabase } from "../../support/postgres.ts";
import { repository } from "../../support/processes.ts";

const folder = join(repository, "control", "storage", "migrations");
const tablesFolder = join(repository, "control", "storage", "tables");

interface JournalEntry {
  readonly idx: number;
  readonly tag: string;
  readonly when: number;
}

async function journal(): Promise<readonly JournalEntry[]> {
  const text = await readFile(join(folder, "meta", "_journal.json"), "utf8");
  return (JSON.parse(text) as { entries: JournalEntry[] }).entries;
}

test("the tables in the code are the tables that the migrations make", async () => {
  const files = (await readdir(tablesFolder)).filter((name) => name.endsWith(".ts"));
  const modules = await Promise.all(
    files.map((name) => import(join(tablesFolder, name)) as Promise<Record<string, unknown>>),
  );
  const snapshots = (await readdir(join(folder, "meta"))).filter((name) =>
    name.endsWith("_snapshot.json"),
  );
  const newest = snapshots.toSorted().at(-1) ?? "";
  const before = JSON.parse(await readFile(join(folder, "meta", newest), "utf8")) as Parameters<
    typeof generateMigration
  >[0];
  const now = generateDrizzleJson(Object.assign({}, ...modules) as Record<string, unknown>);
  expect(await generateMigration(before, now)).toEqual([]);
});

test("the journal names every file once, in the order of its numbers and times", async () => {
  const entries = await journal();
  const files = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
  expect(entries.map(({ tag }) => `${tag}.sql`)).toEqual(files.toSorted());
  expect(entries.map(({ idx }) => idx)).toEqual(entries.map(({ tag }) => Number(tag.slice(0, 4))));
  const times = entries.map(({ when }) => when);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(new Set(times).size).toBe(times.length);
});

/** An empty database, and its superuser. */
async function emptyDatabase() {
  const some = await testDatabase();
  onTestFinished(() => some.stop());
  const { url } = some;
  const name = `empty_${randomBytes(6).toString("hex")}`;
  const admin = postgres(url, { max: 1, onnotice: () => undefined });
  await admin.unsafe(`CREATE DATABASE ${name}`);
  onTestFinished(async () => {
    await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end();
  });
  return { admin, name, url: url.replace(/\/[^/]*$/, `/${name}`) };
}

async function appliedIn(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 });
  const [row] = await sql`SELECT count(*)::int AS count FROM drizzle.__drizzle_migrations`;
  await sql.end();
  return Number(row?.["count"]);
}

describe("migrating", () => {
  test("by several processes at once happens once", async () => {
    const { url } = await emptyDatabase();
    await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
    expect(await appliedIn(url)).toBe((await journal()).length);
  });

  test("several databases of a cluster at once, whose roles are common, works", async () => {
    const databases = await Promise.all([emptyDatabase(), emptyDatabase(), emptyDatabase()]);
    await Promise.all(databases.map(({ url }) => migrate(url)));
    for (const { url } of databases) expect(await appliedIn(url)).toBeGreaterThan(0);
  });

  test("again does nothing", async () => {
    const { url } = await emptyDatabase();
    await migrate(url);
    await migrate(url);
    expect(await appliedIn(url)).toBe((await journal()).length);
  });

  test("where no Postgres is says so", async () => {
    const nowhere = "postgres://midstream:x@127.0.0.1:1/midstream";
    await expect(migrate(nowhere)).rejects.toMatchObject({ code: "storage/unavailable" });
  });

  test("by an owner who is no superuser: everything works, and tenants stay apart", async () => {
    const { admin, name, url } = await emptyDatabase();
    const owner = `owner_${randomBytes(6).toString("hex")}`;
    await admin.unsafe(`
      CREATE ROLE ${owner} LOGIN PASSWORD 'x' NOSUPERUSER NOBYPASSRLS;
      GRANT midstream_tenant, midstream_system TO ${owner};
      ALTER DATABASE ${name} OWNER TO ${owner}`);
    onTestFinished(async () => {
      await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.unsafe(`DROP OWNED BY ${owner}; DROP ROLE ${owner}`);
    });
    const own = url.replace(/midstream:[^@]*@/, `${owner}:x@`);
    await migrate(own);
    const options = { clock: systemClock(), random: Math.random };
    const database = createPostgresDatabase({ url: own, ...options });
    onTestFinished(() => database.stop());
    const [one, other] = [await newActor({ database }), await newActor({ database })];
    for (const { tenantId } of [one, other]) {
      const rows = await database.asTenant(tenantId, (tx) =>
        tx.execute(statement`SELECT tenant_id FROM groups`),
      );
      expect([...rows]).toEqual([{ tenant_id: tenantId }]);
    }
    const users = database.asTenant(one.tenantId, (tx) => tx.execute(statement`TABLE users`));
    await expect(users).rejects.toMatchObject({ cause: { code: "42501" } });
  });
});
