import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { shrinkBalancersMin, shrinkWindowMs } from "#shared/base/limits.ts";

import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import type { BalancerRecord } from "../../../../control/verbs/balancer/balancer-record.ts";
import { createBalancer } from "../../../../control/verbs/balancer/create.ts";
import { removeBalancer } from "../../../../control/verbs/balancer/remove.ts";
import { updateBalancer } from "../../../../control/verbs/balancer/update.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
import { rollbackRevision } from "../../../../control/verbs/revision/rollback.ts";
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

/** A tenant with so many balancers. */
async function tenantWith(count: number) {
  const actor = await newActor(db);
  const balancers: BalancerRecord[] = [];
  for (let n = 0; n < count; n += 1) balancers.push(await create(actor, `web-${n}`));
  return { actor, balancers };
}

async function create(actor: Actor, name: string): Promise<BalancerRecord> {
  const port = 10_000 + Number(name.split("-")[1]);
  const definition = balancerInput({ name, bind: [`127.0.0.1:${port}`] });
  const outcome = await createBalancer(deps, actor, { definition, dryRun: false });
  if (outcome.kind !== "created") throw new Error(JSON.stringify(outcome));
  return outcome.balancer;
}

async function remove(actor: Actor, { id }: BalancerRecord, over = {}): Promise<string> {
  const input = { id, expected: "any", dryRun: false, ...over } as const;
  return (await removeBalancer(deps, actor, input)).kind;
}

async function removeAll(actor: Actor, balancers: readonly BalancerRecord[]) {
  const kinds: string[] = [];
  for (const balancer of balancers) kinds.push(await remove(actor, balancer));
  return kinds;
}

async function confirmedRevisions(actor: Actor): Promise<number> {
  const rows = await db.sql`
    SELECT rev FROM revisions WHERE tenant_id = ${actor.tenantId} AND confirmed`;
  return rows.length;
}

describe("taking away most of a group's balancers", () => {
  test("is never asked about with fewer than five", async () => {
    const { actor, balancers } = await tenantWith(shrinkBalancersMin - 1);
    expect(new Set(await removeAll(actor, balancers))).toEqual(new Set(["removed"]));
    expect(await confirmedRevisions(actor)).toBe(0);
  });

  test("one by one counts: beyond half it wants a confirmation, and nothing is stored", async () => {
    const { actor, balancers } = await tenantWith(10);
    const [sixth, seventh] = balancers.slice(5);
    if (sixth === undefined || seventh === undefined) throw new Error("ten were made");
    expect(await removeAll(actor, balancers.slice(0, 5))).toEqual(Array(5).fill("removed"));
    const question = { id: sixth.id, expected: "any", dryRun: false } as const;
    expect(await removeBalancer(deps, actor, question)).toEqual({
      ...{ kind: "confirmation-required", removed: 6, left: 4 },
    });
    expect(await remove(actor, sixth, { dryRun: true }), "a dry run says so").toBe(
      "confirmation-required",
    );
    expect(await remove(actor, sixth, { confirmShrink: true })).toBe("removed");
    expect(await confirmedRevisions(actor)).toBe(1);
    expect(await removeAll(actor, balancers.slice(6)), "what was confirmed is over").toEqual(
      Array(4).fill("removed"),
    );
  });

  test("a confirmation that nothing wanted is not stored as one", async () => {
    const { actor, balancers } = await tenantWith(2);
    for (const balancer of balancers) {
      expect(await remove(actor, balancer, { confirmShrink: true })).toBe("removed");
    }
    expect(await confirmedRevisions(actor)).toBe(0);
  });

  test("what left the group long ago, or is back, does not count", async () => {
    const { actor, balancers } = await tenantWith(10);
    await removeAll(actor, balancers.slice(0, 5));
    await db.sql`
      UPDATE revisions SET at = at - ${shrinkWindowMs}::int * interval '1 ms'
      WHERE tenant_id = ${actor.tenantId}`;
    expect(await removeAll(actor, balancers.slice(5, 9))).toEqual(Array(4).fill("removed"));
    const restored = await rollbackRevision(deps, actor, { rev: 15, dryRun: false });
    expect(restored.kind).toBe("rolled-back");
    expect(await removeAll(actor, balancers.slice(5, 9))).toEqual(Array(4).fill("removed"));
  });

  test("a group that grows as much as it loses is not asked about", async () => {
    const { actor, balancers } = await tenantWith(6);
    for (let n = 6; n < 12; n += 1) await create(actor, `web-${n}`);
    expect(await removeAll(actor, balancers)).toEqual(Array(6).fill("removed"));
  });

  test("by a rollback wants a confirmation", async () => {
    const { actor } = await tenantWith(6);
    const input = { rev: 0, dryRun: false };
    expect(await rollbackRevision(deps, actor, input)).toEqual({
      ...{ kind: "confirmation-required", removed: 6, left: 0 },
    });
    const confirmed = await rollbackRevision(deps, actor, { ...input, confirmShrink: true });
    expect(confirmed.kind).toBe("rolled-back");
    expect(await confirmedRevisions(actor)).toBe(1);
  });

  test("by moving them to another group counts for the group that they leave", async () => {
    const { actor, balancers } = await tenantWith(6);
    await createGroup(deps, actor, { name: "other" });
    const kinds: string[] = [];
    for (const [index, { id, definition }] of balancers.entries()) {
      const moved = { ...definition, group: "other" };
      const input = { id, definition: moved, expected: "any", dryRun: false } as const;
      const outcome = await updateBalancer(deps, actor, input);
      kinds.push(outcome.kind);
      if (outcome.kind === "confirmation-required") {
        expect(index).toBe(4);
        const confirmed = await updateBalancer(deps, actor, { ...input, confirmShrink: true });
        expect(confirmed.kind).toBe("updated");
      }
    }
    expect(kinds.filter((kind) => kind === "updated")).toHaveLength(5);
  });

  test("of one tenant counts for no other", async () => {
    const { actor, balancers } = await tenantWith(10);
    const other = await tenantWith(10);
    await removeAll(actor, balancers.slice(0, 5));
    expect(await removeAll(other.actor, other.balancers.slice(0, 5))).toEqual(
      Array(5).fill("removed"),
    );
  });
});
