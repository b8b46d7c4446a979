import { afterAll, beforeAll, expect, test } from "vitest";

import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import { createBalancer } from "../../../../control/verbs/balancer/create.ts";
import { listBalancers } from "../../../../control/verbs/balancer/list.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
import { listRevisions } from "../../../../control/verbs/revision/list.ts";
import { newActor, verbDeps } from "../../../support/actors.ts";
import { balancerInput } from "../../../support/balancers.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

async function create(actor: Actor, name: string, port: number, group = "default"): Promise<void> {
  const definition = balancerInput({ name, group, bind: [`127.0.0.1:${port}`] });
  const outcome = await createBalancer(deps, actor, { definition, dryRun: false });
  expect(outcome.kind).toBe("created");
}

test("pages show every balancer once, oldest first, and end", async () => {
  const actor = await newActor(db);
  const names = ["a", "b", "c", "d", "e"];
  for (const [index, name] of names.entries()) await create(actor, name, 9000 + index);
  const seen: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await listBalancers(deps, actor, { limit: 2, ...(cursor && { cursor }) });
    if (page.kind !== "page") throw new Error(page.kind);
    seen.push(...page.items.map((item) => item.definition.name));
    cursor = page.nextCursor ?? undefined;
    pages += 1;
  } while (cursor !== undefined);
  expect(seen.toSorted()).toEqual(names);
  expect(pages).toBe(3);
});

test("a page that holds exactly the rest has no next one", async () => {
  const actor = await newActor(db);
  await create(actor, "a", 9000);
  await create(actor, "b", 9001);
  expect(await listBalancers(deps, actor, { limit: 2 })).toMatchObject({ nextCursor: null });
});

test("only one group's, when asked", async () => {
  const actor = await newActor(db);
  await createGroup(deps, actor, { name: "edge" });
  await create(actor, "a", 9000);
  await create(actor, "b", 9000, "edge");
  const page = await listBalancers(deps, actor, { limit: 10, group: "edge" });
  expect(page).toMatchObject({ items: [{ definition: { name: "b" } }] });
});

test("another tenant's are not shown, whatever the cursor says", async () => {
  const [owner, stranger] = [await newActor(db), await newActor(db)];
  await create(owner, "a", 9000);
  await create(owner, "b", 9001);
  const page = await listBalancers(deps, owner, { limit: 1 });
  const cursor = page.kind === "page" ? page.nextCursor : null;
  expect(await listBalancers(deps, stranger, { limit: 10, cursor: cursor ?? "" })).toEqual({
    kind: "page",
    items: [],
    nextCursor: null,
  });
});

test("a cursor of another list, a changed one and nonsense are refused", async () => {
  const actor = await newActor(db);
  await create(actor, "a", 9000);
  await create(actor, "b", 9001);
  const page = await listRevisions(deps, actor, { limit: 1 });
  const foreign = page.kind === "page" ? (page.nextCursor ?? "") : "";
  expect(foreign).not.toBe("");
  for (const cursor of [foreign, `${foreign}x`, "", "%%%", "a".repeat(10_000)]) {
    expect(await listBalancers(deps, actor, { limit: 10, cursor }), cursor.slice(0, 20)).toEqual({
      kind: "bad-cursor",
    });
  }
});

test("a page never has more than 200 items", async () => {
  const actor = await newActor(db);
  await db.sql`
    INSERT INTO revisions (tenant_id, rev, actor, action, changes)
      SELECT ${actor.tenantId}, n, 'key', 'test', '[]' FROM generate_series(1, 250) n`;
  const page = await listRevisions(deps, actor, { limit: 100_000 });
  expect(page.kind === "page" ? page.items.length : page).toBe(200);
  const rest = await listRevisions(deps, actor, {
    limit: 200,
    cursor: page.kind === "page" ? (page.nextCursor ?? "") : "",
  });
  expect(rest).toMatchObject({ kind: "page", nextCursor: null });
  expect(rest.kind === "page" ? rest.items.map((item) => item.rev).at(-1) : rest).toBe(1);
});
