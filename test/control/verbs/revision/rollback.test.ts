import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { BalancerInput } from "#shared/definition/balancer.ts";

import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import type { BalancerRecord } from "../../../../control/verbs/balancer/balancer-record.ts";
import { createBalancer } from "../../../../control/verbs/balancer/create.ts";
import { listBalancers } from "../../../../control/verbs/balancer/list.ts";
import { removeBalancer } from "../../../../control/verbs/balancer/remove.ts";
import { updateBalancer } from "../../../../control/verbs/balancer/update.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
import { diffRevisions } from "../../../../control/verbs/revision/diff.ts";
import { getRevision } from "../../../../control/verbs/revision/get.ts";
import { rollbackRevision } from "../../../../control/verbs/revision/rollback.ts";
import { insertNode, newActor, verbDeps } from "../../../support/actors.ts";
import { balancerInput } from "../../../support/balancers.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

async function create(actor: Actor, over: Partial<BalancerInput>): Promise<BalancerRecord> {
  const definition = balancerInput(over);
  const outcome = await createBalancer(deps, actor, { definition, dryRun: false });
  if (outcome.kind !== "created") throw new Error(JSON.stringify(outcome));
  return outcome.balancer;
}

async function update(actor: Actor, { id }: BalancerRecord, over: Partial<BalancerInput>) {
  const definition = balancerInput(over);
  const outcome = await updateBalancer(deps, actor, {
    ...{ id, definition, dryRun: false },
    expected: "any",
  });
  if (outcome.kind !== "updated") throw new Error(JSON.stringify(outcome));
  return outcome.balancer;
}

async function all(actor: Actor): Promise<readonly BalancerRecord[]> {
  const page = await listBalancers(deps, actor, { limit: 200 });
  if (page.kind !== "page") throw new Error(page.kind);
  return page.items;
}

function rollback(actor: Actor, rev: number, dryRun = false) {
  return rollbackRevision(deps, actor, { rev, dryRun });
}

const web = { name: "web", bind: ["127.0.0.1:9000"] };
const api = { name: "api", bind: ["127.0.0.1:9001"] };

describe("a rollback", () => {
  test("brings back what was changed, removed and takes away what was added, as a new revision", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    const two = await create(actor, api);
    const then = await all(actor);
    await update(actor, one, { ...web, strategy: "leastconn" });
    await removeBalancer(deps, actor, { id: two.id, expected: "any", dryRun: false });
    await create(actor, { name: "late", bind: ["127.0.0.1:9001"] });

    const outcome = await rollback(actor, 2);
    expect(outcome).toMatchObject({
      kind: "rolled-back",
      dryRun: false,
      revision: { rev: 6, action: "revision.rollback" },
    });
    const now = await all(actor);
    const facts = ({ id, definition, hash, revCreated }: BalancerRecord) => ({
      ...{ id, definition, hash },
      revCreated: id === one.id ? revCreated : "restored",
    });
    expect(now.map(facts)).toEqual(then.map(facts));
    expect(now.every((balancer) => balancer.rev === 6)).toBe(true);
  });

  test("to the newest revision, or to one that changed nothing since, makes no revision", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    expect(await rollback(actor, 1)).toEqual({ kind: "unchanged" });
    await update(actor, one, { ...web, strategy: "leastconn" });
    await update(actor, one, web);
    expect(await rollback(actor, 1)).toEqual({ kind: "unchanged" });
    expect(await getRevision(deps, actor, { rev: 4 })).toEqual({ kind: "not-found" });
  });

  test("to 0 is the empty beginning; what comes after can be had back", async () => {
    const actor = await newActor(db);
    await create(actor, web);
    await create(actor, api);
    expect((await rollback(actor, 0)).kind).toBe("rolled-back");
    expect(await all(actor)).toEqual([]);
    expect((await rollback(actor, 2)).kind).toBe("rolled-back");
    expect((await all(actor)).map((b) => b.definition.name).toSorted()).toEqual(["api", "web"]);
  });

  test("restores two that swapped names and addresses", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    const two = await create(actor, api);
    await update(actor, one, { name: "spare", bind: ["127.0.0.1:9002"] });
    await update(actor, two, web);
    await update(actor, one, api);
    expect((await rollback(actor, 2)).kind).toBe("rolled-back");
    const names = new Map((await all(actor)).map((b) => [b.id, b.definition.name]));
    expect(names.get(one.id)).toBe("web");
    expect(names.get(two.id)).toBe("api");
  });

  test("restores one whose name somebody else has meanwhile", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    await removeBalancer(deps, actor, { id: one.id, expected: "any", dryRun: false });
    await create(actor, web);
    expect((await rollback(actor, 1)).kind).toBe("rolled-back");
    expect((await all(actor)).map((balancer) => balancer.id)).toEqual([one.id]);
  });

  test("moves a balancer back to its group and raises both", async () => {
    const actor = await newActor(db);
    await createGroup(deps, actor, { name: "edge" });
    const one = await create(actor, web);
    await update(actor, one, { ...web, group: "edge" });
    expect((await rollback(actor, 1)).kind).toBe("rolled-back");
    expect((await all(actor)).map((b) => b.definition.group)).toEqual(["default"]);
    const groups = await db.sql`SELECT rev::int FROM groups WHERE tenant_id = ${actor.tenantId}`;
    expect(groups.map((group) => group["rev"] as number)).toEqual([3, 3]);
  });

  test("that is only a dry run says what it would do and does nothing", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    await update(actor, one, { ...web, strategy: "leastconn" });
    const before = await all(actor);
    expect(await rollback(actor, 1, true)).toMatchObject({
      kind: "rolled-back",
      dryRun: true,
      revision: { rev: 3, changes: [{ balancer: one.id }] },
    });
    expect(await all(actor)).toEqual(before);
    expect(await getRevision(deps, actor, { rev: 3 })).toEqual({ kind: "not-found" });
  });

  test("to what no node can run any more is refused, naming the balancer and the place", async () => {
    const actor = await newActor(db);
    const one = await create(actor, { ...web, strategy: "leastconn" });
    await update(actor, one, web);
    await insertNode(db, actor, ["protocol:tcp", "strategy:weight", "bind:address"]);
    expect(await rollback(actor, 1)).toMatchObject({
      kind: "invalid",
      problems: expect.arrayContaining([
        expect.objectContaining({ pointer: `/balancers/${one.id}/strategy`, code: "unsupported" }),
      ]) as unknown,
    });
    expect((await all(actor)).map((b) => b.definition.strategy)).toEqual(["weight"]);
  });

  test("to a revision that is not there finds nothing", async () => {
    const actor = await newActor(db);
    await create(actor, web);
    expect(await rollback(actor, 2)).toEqual({ kind: "not-found" });
    expect(await rollback(actor, -1)).toEqual({ kind: "not-found" });
  });

  test("twice under one idempotency key is one revision", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    await update(actor, one, { ...web, strategy: "leastconn" });
    const keyed = { ...actor, idempotency: { key: "k", fingerprint: "f" } };
    const [first, second] = await Promise.all([rollback(keyed, 1), rollback(keyed, 1)]);
    expect(second).toEqual(first);
    expect(await getRevision(deps, actor, { rev: 4 })).toEqual({ kind: "not-found" });
  });
});

describe("a diff", () => {
  test("says per balancer what was added, changed and removed, with pointers", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    const two = await create(actor, api);
    await update(actor, one, { ...web, strategy: "leastconn", limits: { maxConnections: 5 } });
    await removeBalancer(deps, actor, { id: two.id, expected: "any", dryRun: false });
    const three = await create(actor, { name: "late", bind: ["127.0.0.1:9001"] });

    const outcome = await diffRevisions(deps, actor, { from: 2, to: 5 });
    if (outcome.kind !== "diff") throw new Error(outcome.kind);
    const byId = new Map(outcome.balancers.map((change) => [change.balancer, change]));
    expect(byId.get(one.id)).toEqual({
      balancer: one.id,
      name: "web",
      change: "changed",
      fields: [
        { pointer: "/limits/maxConnections", before: 0, after: 5 },
        { pointer: "/strategy", before: "weight", after: "leastconn" },
      ],
    });
    expect(byId.get(two.id)).toMatchObject({
      name: "api",
      change: "removed",
      fields: [{ pointer: "", before: { name: "api" } }],
    });
    expect(byId.get(three.id)).toMatchObject({
      name: "late",
      change: "added",
      fields: [{ pointer: "", after: { name: "late" } }],
    });
    const back = await diffRevisions(deps, actor, { from: 5, to: 2 });
    if (back.kind !== "diff") throw new Error(back.kind);
    expect(back.balancers.find((change) => change.balancer === one.id)?.fields).toEqual([
      { pointer: "/limits/maxConnections", before: 5, after: 0 },
      { pointer: "/strategy", before: "leastconn", after: "weight" },
    ]);
    expect(back.balancers.find((change) => change.balancer === three.id)?.change).toBe("removed");
  });

  test("leaves out what ended up as it began, and what happened outside", async () => {
    const actor = await newActor(db);
    const one = await create(actor, web);
    await update(actor, one, { ...web, strategy: "leastconn" });
    await update(actor, one, web);
    expect(await diffRevisions(deps, actor, { from: 1, to: 3 })).toMatchObject({ balancers: [] });
    expect(await diffRevisions(deps, actor, { from: 1, to: 1 })).toMatchObject({ balancers: [] });
    expect(await diffRevisions(deps, actor, { from: 1, to: 4 })).toEqual({ kind: "not-found" });
  });

  test("shows no secret", async () => {
    const actor = await newActor(db);
    const discovery = { kind: "consul", host: "127.0.0.1:8500", serviceName: "web" } as const;
    const one = await create(actor, { ...web, discovery: { ...discovery, aclToken: "first-one" } });
    await update(actor, one, { ...web, discovery: { ...discovery, aclToken: "second-one" } });
    const text = JSON.stringify(await diffRevisions(deps, actor, { from: 0, to: 2 }));
    expect(text).not.toMatch(/first-one|second-one/);
  });

  test("of another tenant's revisions does not exist", async () => {
    const [owner, stranger] = [await newActor(db), await newActor(db)];
    await create(owner, web);
    expect(await diffRevisions(deps, stranger, { from: 0, to: 1 })).toEqual({ kind: "not-found" });
    expect(await getRevision(deps, stranger, { rev: 1 })).toEqual({ kind: "not-found" });
  });
});
