import { afterAll, beforeAll, expect, test } from "vitest";

import type { VerbDeps } from "../../../../control/verbs/actor.ts";
import { getNode } from "../../../../control/verbs/node/get.ts";
import { listNodes } from "../../../../control/verbs/node/list.ts";
import { retireNode } from "../../../../control/verbs/node/retire.ts";
import { insertNode, newActor, verbDeps } from "../../../support/actors.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

test("a node that was never heard has a status that says so", async () => {
  const actor = await newActor(db);
  const id = await insertNode(db, actor, ["protocol:tcp"]);
  const outcome = await getNode(deps, actor, { id });
  expect(outcome).toMatchObject({
    kind: "found",
    node: {
      id,
      group: "default",
      capabilities: ["protocol:tcp"],
      retiredAtMs: null,
      status: { connected: false, running: null, phase: null, lastSeenAtMs: null },
    },
  });
});

test("a node shows what it was last heard to run", async () => {
  const actor = await newActor(db);
  const id = await insertNode(db, actor, []);
  const running = { epoch: 1, rev: 3, root: "0".repeat(64) };
  await db.sql`
    INSERT INTO node_status (tenant_id, node_id, connected, running, phase, last_seen_at)
      VALUES (${actor.tenantId}, ${id}, true, ${db.sql.json(running)}, 'serving', now())`;
  expect(await listNodes(deps, actor, { limit: 10 })).toMatchObject({
    items: [{ id, status: { connected: true, running, phase: "serving" } }],
  });
});

test("a retired node stays in the list with its time; doing it again changes nothing", async () => {
  const actor = await newActor(db);
  const id = await insertNode(db, actor, []);
  expect(await retireNode(deps, actor, { id })).toEqual({ kind: "retired" });
  const first = await getNode(deps, actor, { id });
  expect(first).toMatchObject({ node: { retiredAtMs: expect.any(Number) as number } });
  expect(await retireNode(deps, actor, { id })).toEqual({ kind: "retired" });
  expect(await getNode(deps, actor, { id })).toEqual(first);
});

test("another tenant's node cannot be seen or retired", async () => {
  const [owner, stranger] = [await newActor(db), await newActor(db)];
  const id = await insertNode(db, owner, []);
  expect(await getNode(deps, stranger, { id })).toEqual({ kind: "not-found" });
  expect(await retireNode(deps, stranger, { id })).toEqual({ kind: "not-found" });
  expect(await listNodes(deps, stranger, { limit: 10 })).toMatchObject({ items: [] });
  expect(await getNode(deps, owner, { id })).toMatchObject({ node: { retiredAtMs: null } });
});
