import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Transaction } from "../../../control/storage/database.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { tenantIdOf } from "../../support/tenants.ts";

const tenantA = tenantIdOf(1);
const tenantB = tenantIdOf(2);

let db: TestDatabase;
let tables: readonly string[];

beforeAll(async () => {
  db = await testDatabase();
  tables = await tenantTables();
  for (const table of tables) {
    await insertRow(table, tenantA);
    await insertRow(table, tenantB);
  }
});
afterAll(() => db.stop());

describe("every table that has tenant_id", () => {
  test("is under row-level security, and there are some", async () => {
    const rows = await db.sql<{ relname: string; relrowsecurity: boolean }[]>`
      SELECT relname, relrowsecurity FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;
    expect(tables.length).toBeGreaterThan(15);
    expect(rows.filter((row) => !row.relrowsecurity)).toEqual([]);
  });

  test("shows a tenant its own rows only", async () => {
    for (const table of tables) {
      const seen = await db.database.asTenant(tenantA, (tx) => tenantsSeen(tx, table));
      expect({ table, seen }).toEqual({ table, seen: [tenantA] });
    }
  });

  test("takes no row of another tenant", async () => {
    for (const table of tables) {
      const columns = await insertableColumns(table);
      const insert = sql.raw(
        `INSERT INTO ${quoted(table)} (${columns.names}) VALUES (${columns.valuesFor(tenantB)})`,
      );
      const outcome = db.database.asTenant(tenantA, (tx) => tx.execute(insert));
      await expect(outcome, table).rejects.toMatchObject({
        cause: { code: "42501" },
      });
    }
  });

  test("lets no row of another tenant be changed or deleted", async () => {
    for (const table of tables) {
      for (const statement of [
        `UPDATE ${quoted(table)} SET tenant_id = tenant_id WHERE tenant_id = '${tenantB}'`,
        `DELETE FROM ${quoted(table)} WHERE tenant_id = '${tenantB}'`,
      ]) {
        expect(await rowsTouched(statement), statement).toBe(0);
      }
      expect(await countOf(table, tenantB), table).toBe(1);
    }
  });

  test("lets no row be moved to another tenant", async () => {
    const move = `UPDATE balancers SET tenant_id = '${tenantB}', id = 'moved', name = 'moved'`;
    const outcome = db.database.asTenant(tenantA, (tx) => tx.execute(sql.raw(move)));
    await expect(outcome).rejects.toMatchObject({ cause: { code: "42501" } });
  });
});

test("a transaction without a tenant sees nothing of any tenant", async () => {
  for (const table of tables) {
    const rows = await db.sql.begin(async (tx) => {
      await tx.unsafe("SET LOCAL ROLE midstream_tenant");
      return tx.unsafe(`SELECT tenant_id FROM ${quoted(table)}`);
    });
    expect(rows).toHaveLength(0);
  }
});

test("a tenant sees itself among the tenants, and changes nobody else", async () => {
  for (const id of [tenantA, tenantB]) {
    await db.sql`INSERT INTO tenants (id, name) VALUES (${id}, 'x') ON CONFLICT DO NOTHING`;
  }
  const seen = await db.database.asTenant(tenantA, (tx) => tx.execute(sql`SELECT id FROM tenants`));
  expect([...seen]).toEqual([{ id: tenantA }]);
  expect(await rowsTouched(`UPDATE tenants SET rev = 9 WHERE id = '${tenantB}'`)).toBe(0);
});

test("history cannot be rewritten by a tenant", async () => {
  for (const table of ["revisions", "bodies", "audit", "secrets"]) {
    for (const statement of [`UPDATE ${table} SET tenant_id = tenant_id`, `DELETE FROM ${table}`]) {
      const outcome = db.database.asTenant(tenantA, (tx) => tx.execute(sql.raw(statement)));
      await expect(outcome, statement).rejects.toMatchObject({ cause: { code: "42501" } });
    }
  }
});

test("users, the state and the signing keys are out of a tenant's reach", async () => {
  for (const table of ["users", "control_state", "signing_keys"]) {
    const outcome = db.database.asTenant(tenantA, (tx) =>
      tx.execute(sql.raw(`SELECT * FROM ${table}`)),
    );
    await expect(outcome, table).rejects.toMatchObject({ cause: { code: "42501" } });
  }
});

test("the system role sees no table", async () => {
  const all = await db.sql<{ relname: string }[]>`
    SELECT relname FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;
  expect(all.length).toBeGreaterThan(tables.length);
  for (const { relname } of all) {
    const outcome = db.database.asSystem((tx) =>
      tx.execute(sql.raw(`SELECT * FROM public.${quoted(relname)}`)),
    );
    await expect(outcome, relname).rejects.toMatchObject({ cause: { code: "42501" } });
  }
});

describe("every function that crosses tenants", () => {
  test("runs with its owner's rights, a fixed search path, and for the system role only", async () => {
    const functions = await functionsIn("system");
    expect(functions.length).toBeGreaterThan(5);
    const asWanted = { definer: true, path: true, tenant: false, system: true };
    for (const found of functions) expect(found).toMatchObject(asWanted);
  });

  test("lives in the schema system, but for one that tells nothing of anybody", async () => {
    const functions = await functionsIn("public");
    expect(functions.map(({ name }) => name)).toEqual(["control_epoch()"]);
    expect(functions).toMatchObject([{ definer: true, path: true }]);
  });

  test("is out of a tenant's reach", async () => {
    const outcome = db.database.asTenant(tenantA, (tx) =>
      tx.execute(sql`SELECT * FROM system.user_by_email('someone@example.com')`),
    );
    await expect(outcome).rejects.toMatchObject({ cause: { code: "42501" } });
  });
});

test("neither role can log in, own anything, or become more than it is", async () => {
  const roles = await db.sql`
    SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
        (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid)::int AS owns
      FROM pg_roles r WHERE rolname IN ('midstream_tenant', 'midstream_system')`;
  expect(roles).toHaveLength(2);
  for (const role of roles) {
    expect(role).toMatchObject({
      rolcanlogin: false,
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
      owns: 0,
    });
  }
});

/** Functions of a schema, how they run, and which role may call them. */
function functionsIn(schema: string) {
  return db.sql<
    { name: string; definer: boolean; path: boolean; tenant: boolean; system: boolean }[]
  >`
    SELECT p.oid::regprocedure::text AS name, p.prosecdef AS definer,
        coalesce(p.proconfig::text LIKE '%search_path=%', false) AS path,
        has_schema_privilege('midstream_tenant', n.oid, 'USAGE')
          OR has_function_privilege('midstream_tenant', p.oid, 'EXECUTE') AS tenant,
        has_function_privilege('midstream_system', p.oid, 'EXECUTE') AS system
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = ${schema} ORDER BY 1`;
}

async function tenantTables(): Promise<readonly string[]> {
  const rows = await db.sql<{ table_name: string }[]>`
    SELECT table_name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY table_name`;
  return rows.map((row) => row.table_name);
}

async function tenantsSeen(tx: Transaction, table: string): Promise<readonly unknown[]> {
  const rows = await tx.execute(sql.raw(`SELECT DISTINCT tenant_id FROM ${quoted(table)}`));
  return [...rows].map((row) => row["tenant_id"]);
}

/** How many rows a statement of tenant A touched; being forbidden touches none. */
async function rowsTouched(statement: string): Promise<number> {
  try {
    const result = await db.database.asTenant(tenantA, (tx) => tx.execute(sql.raw(statement)));
    return result.count;
  } catch (error) {
    expect(error).toMatchObject({ cause: { code: "42501" } });
    return 0;
  }
}

async function countOf(table: string, tenant: string): Promise<number> {
  const rows = await db.sql.unsafe(`SELECT 1 FROM ${quoted(table)} WHERE tenant_id = '${tenant}'`);
  return rows.length;
}

async function insertRow(table: string, tenant: string): Promise<void> {
  const columns = await insertableColumns(table);
  await db.sql.unsafe(
    `INSERT INTO ${quoted(table)} (${columns.names}) VALUES (${columns.valuesFor(tenant)})`,
  );
}

/** The columns that a row needs, and some value of the right type for each. */
async function insertableColumns(table: string) {
  const rows = await db.sql<{ column_name: string; data_type: string }[]>`
    SELECT column_name, data_type FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name = ${table} AND is_nullable = 'NO'
        AND column_default IS NULL AND is_identity = 'NO'`;
  const valuesFor = (tenant: string): string =>
    rows
      .map((row) =>
        row.column_name === "tenant_id" ? `'${tenant}'` : someValue(row.data_type, tenant),
      )
      .join(", ");
  return { names: rows.map((row) => quoted(row.column_name)).join(", "), valuesFor };
}

function someValue(dataType: string, text: string): string {
  switch (dataType) {
    case "text":
      return `'${text}'`;
    case "ARRAY":
      return "'{}'";
    case "jsonb":
      return "'{}'";
    case "timestamp with time zone":
      return "now()";
    default:
      return "1";
  }
}

function quoted(name: string): string {
  return `"${name}"`;
}
