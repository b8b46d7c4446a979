import { onTestFinished, expect, test } from "vitest";

import { planMsMax, planNodesMax, plansMax, plansPerTenantMax } from "#shared/base/limits.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { Plans } from "../../../control/http/plans.ts";
import { QuestionRoom } from "../../../control/http/question-room.ts";
import type { Actor } from "../../../control/verbs/actor.ts";
import { insertNode, newActor, verbDeps } from "../../support/actors.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";

const checked = checkBalancer(simpleBalancer("web"));
if (!checked.ok) throw new Error("the definition is wrong");
const input = { balancer: null, definition: checked.value } as const;

async function database(): Promise<TestDatabase> {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  return db;
}

function plansOf(db: TestDatabase, clock: FakeClock): Plans {
  const verbs = verbDeps(db);
  return new Plans({ verbs, room: new QuestionRoom({ verbs, clock }) });
}

/** A tenant with connected nodes that answer nothing. */
async function tenantWithNodes(db: TestDatabase, nodes: number): Promise<Actor> {
  const actor = await newActor(db);
  for (let index = 0; index < nodes; index += 1) {
    const id = await insertNode(db, actor, []);
    await db.sql`
      INSERT INTO node_status (tenant_id, node_id, connected) VALUES (${actor.tenantId}, ${id}, true)`;
  }
  return actor;
}

/** Lets time pass until this is done. */
async function over(clock: FakeClock, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  void work.then(() => (isOver = true));
  await eventually(() => {
    clock.advance(planMsMax);
    return isOver;
  });
}

test("a tenant, and all together, have so many plans at a time; others are told at once", async () => {
  const db = await database();
  const clock = new FakeClock();
  const plans = plansOf(db, clock);
  const actors = await Promise.all(
    Array.from({ length: plansMax / plansPerTenantMax + 1 }, () => tenantWithNodes(db, 1)),
  );
  const [first, last] = [actors[0], actors.at(-1)];
  if (first === undefined || last === undefined) throw new Error("there are no tenants");
  const waiting = actors
    .slice(0, -1)
    .flatMap((actor) => Array.from({ length: plansPerTenantMax }, () => plans.ask(actor, input)));
  expect(await plans.ask(last, input)).toEqual({ kind: "full" });
  const all = Promise.all(waiting);
  await over(clock, all);
  const ended = await all;
  expect(ended.map(({ kind }) => kind)).toEqual(ended.map(() => "planned"));
});

test("a tenant that has as many as it may have is told so, and others are not", async () => {
  const db = await database();
  const clock = new FakeClock();
  const plans = plansOf(db, clock);
  const actor = await tenantWithNodes(db, 1);
  const waiting = Array.from({ length: plansPerTenantMax }, () => plans.ask(actor, input));
  expect(await plans.ask(actor, input)).toEqual({ kind: "tenant-full" });
  const other = await newActor(db);
  const planned = { kind: "planned", plan: { group: "default", nodes: [], unasked: 0 } };
  expect(await plans.ask(other, input)).toEqual(planned);
  const all = Promise.all(waiting);
  await over(clock, all);
  for (const outcome of await all) {
    expect(outcome).toMatchObject({ kind: "planned", plan: { nodes: [{ state: "silent" }] } });
  }
  const left = await db.sql`SELECT 1 FROM questions UNION ALL SELECT 1 FROM question_answers`;
  expect(left).toHaveLength(0);
});

test("a group with more nodes than one plan asks says how many were not asked", async () => {
  const db = await database();
  const actor = await newActor(db);
  const surplus = 3;
  await Promise.all(
    Array.from({ length: planNodesMax + surplus }, () => insertNode(db, actor, [])),
  );
  const plans = plansOf(db, new FakeClock());
  const outcome = await plans.ask(actor, input);
  if (outcome.kind !== "planned") throw new Error(outcome.kind);
  expect(outcome.plan.nodes).toHaveLength(planNodesMax);
  expect(outcome.plan.unasked).toBe(surplus);
});

test("a key that may only read asks about what is stored, not about what anybody writes", async () => {
  const db = await database();
  const actor = await newActor(db);
  const reader = { ...actor, scopes: new Set(["read"] as const) };
  const plans = plansOf(db, new FakeClock());
  await expect(plans.ask(reader, input)).rejects.toMatchObject({ code: "verbs/missing-scope" });
});
