import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { migrate } from "../../../control/storage/migrate.ts";
import { createPostgresDatabase } from "../../../control/storage/postgres-database.ts";
import { createBalancer } from "../../../control/verbs/balancer/create.ts";
import { listBalancers } from "../../../control/verbs/balancer/list.ts";
import { newActor, verbDeps } from "../../support/actors.ts";
import { balancerInput } from "../../support/balancers.ts";
import { eventually } from "../../support/eventually.ts";
import { pgBouncer } from "../../support/pgbouncer.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { findProgram } from "../../support/run-command.ts";

const program = await findProgram("pgbouncer");

describe.skipIf(program === undefined)("behind a transaction pooler (needs pgbouncer)", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
  });
  afterAll(() => db.stop());

  async function pooled() {
    const url = await pgBouncer(onTestFinished, program ?? "", db.url);
    const options = { clock: systemClock(), random: Math.random };
    const database = createPostgresDatabase({ url, directUrl: db.url, ...options });
    onTestFinished(() => database.stop());
    return { url, database };
  }

  test("many transactions of many tenants share two sessions, and see only their own", async () => {
    const { database } = await pooled();
    const deps = verbDeps({ database });
    const actors = await Promise.all(Array.from({ length: 20 }, () => newActor({ database })));
    await Promise.all(
      actors.map((actor) =>
        createBalancer(deps, actor, {
          definition: balancerInput({ name: `b-${actor.tenantId.slice(-8)}` }),
          dryRun: false,
        }),
      ),
    );
    for (const actor of actors) {
      const page = await listBalancers(deps, actor, { limit: 10 });
      const names = page.kind === "page" ? page.items.map((item) => item.definition.name) : [];
      expect(names).toEqual([`b-${actor.tenantId.slice(-8)}`]);
    }
    const sessions = await db.sql`
      SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'midstream'`;
    expect(sessions[0]?.["count"]).toBeLessThanOrEqual(2);
  });

  test("listening goes past it", async () => {
    const { database } = await pooled();
    const heard: string[] = [];
    const ready = Promise.withResolvers<void>();
    const listening = await database.listen("midstream", {
      onPayload: (payload) => heard.push(payload),
      onListen: () => ready.resolve(),
    });
    onTestFinished(() => listening.stop());
    await ready.promise;
    await db.sql`SELECT pg_notify('midstream', 'hello')`;
    await eventually(() => heard.includes("hello"));
  });

  test("migrating works through it", async () => {
    const { url } = await pooled();
    await migrate(url);
  });
});
