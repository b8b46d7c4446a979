import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { TenantId } from "#shared/base/ids.ts";

import { testDatabase, type TestDatabase } from "../../support/postgres.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.stop());

const tenant = "ten_00000000000000000000000001" as TenantId;

test("a tenant's transaction runs under the tenant role with its tenant set", async () => {
  const rows = await db.database.asTenant(tenant, (tx) =>
    tx.execute<{ role: string; tenant: string }>(
      sql`select current_user as role, current_setting('midstream.tenant') as tenant`,
    ),
  );
  expect([...rows]).toEqual([{ role: "midstream_tenant", tenant }]);
});
