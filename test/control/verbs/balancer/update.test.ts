import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { SecretId } from "#shared/base/ids.ts";

import { secretContext } from "../../../../control/certificates/secret-context.ts";
import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import type { BalancerRecord } from "../../../../control/verbs/balancer/balancer-record.ts";
import { createBalancer } from "../../../../control/verbs/balancer/create.ts";
import { getBalancer } from "../../../../control/verbs/balancer/get.ts";
import { removeBalancer } from "../../../../control/verbs/balancer/remove.ts";
import { updateBalancer } from "../../../../control/verbs/balancer/update.ts";
import type { Expected } from "../../../../control/verbs/expected.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
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

async function created(actor: Actor, definition: unknown = balancerInput()) {
  const outcome = await createBalancer(deps, actor, { definition, dryRun: false });
  if (outcome.kind !== "created") throw new Error(JSON.stringify(outcome));
  return outcome.balancer;
}

interface Put {
  readonly definition: unknown;
  readonly expected?: Expected;
  readonly dryRun?: boolean;
}

function put(actor: Actor, balancer: BalancerRecord, { definition, expected, dryRun }: Put) {
  return updateBalancer(deps, actor, {
    id: balancer.id,
    definition,
    expected: expected ?? { rev: balancer.rev, hash: balancer.hash.slice(0, 8) },
    dryRun: dryRun ?? false,
  });
}

async function revOf(actor: Actor): Promise<unknown> {
  const [row] = await db.sql`SELECT rev::int FROM tenants WHERE id = ${actor.tenantId}`;
  return row?.["rev"];
}

const faster = balancerInput({ strategy: "leastconn" });

describe("an update", () => {
  test("replaces the definition and keeps what it was as a body", async () => {
    const actor = await newActor(db);
    const before = await created(actor);
    const outcome = await put(actor, before, { definition: faster });
    expect(outcome).toMatchObject({
      kind: "updated",
      revision: 2,
      balancer: { id: before.id, rev: 2, revCreated: 1, definition: { strategy: "leastconn" } },
    });
    const bodies = await db.sql`SELECT hash FROM bodies WHERE tenant_id = ${actor.tenantId}`;
    expect(bodies).toHaveLength(2);
    const [revision] = await db.sql`
      SELECT action, changes FROM revisions WHERE tenant_id = ${actor.tenantId} AND rev = 2`;
    expect(revision).toMatchObject({
      action: "balancer.update",
      changes: [{ balancer: before.id, name: "web", before: before.hash }],
    });
  });

  test("T16 100 at the same time with one etag: one succeeds, 99 are stale", async () => {
    const actor = await newActor(db);
    const before = await created(actor);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        put(actor, before, {
          definition: balancerInput({ limits: { maxConnections: index + 1 } }),
        }),
      ),
    );
    const kinds = outcomes.map((outcome) => outcome.kind).toSorted();
    expect(kinds.filter((kind) => kind === "updated")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "stale")).toHaveLength(99);
    expect(await revOf(actor)).toBe(2);
    const revisions = await db.sql`SELECT rev FROM revisions WHERE tenant_id = ${actor.tenantId}`;
    expect(revisions).toHaveLength(2);
  });

  test("with a stale etag names the current one and changes nothing", async () => {
    const actor = await newActor(db);
    const first = await created(actor);
    const second = await put(actor, first, { definition: faster });
    const third = await put(actor, first, { definition: balancerInput() });
    const current = second.kind === "updated" ? second.balancer : first;
    expect(third).toEqual({ kind: "stale", rev: current.rev, hash: current.hash });
    expect(await revOf(actor)).toBe(2);
  });

  test("with the right revision and a wrong or too short hash is stale", async () => {
    const actor = await newActor(db);
    const { rev, hash, ...rest } = await created(actor);
    const balancer = { ...rest, rev, hash };
    for (const wrong of ["", hash.slice(0, 7), "00000000"]) {
      const outcome = await put(actor, balancer, {
        definition: faster,
        expected: { rev, hash: wrong },
      });
      expect(outcome.kind, wrong).toBe("stale");
    }
    expect((await put(actor, balancer, { definition: faster, expected: "any" })).kind).toBe(
      "updated",
    );
  });

  test("that changes nothing makes no revision", async () => {
    const actor = await newActor(db);
    const before = await created(actor);
    const outcome = await put(actor, before, { definition: balancerInput() });
    expect(outcome).toEqual({ kind: "unchanged", balancer: before });
    expect(await revOf(actor)).toBe(1);
  });

  test("that is only a dry run changes nothing", async () => {
    const actor = await newActor(db);
    const before = await created(actor);
    const outcome = await put(actor, before, { definition: faster, dryRun: true });
    expect(outcome).toMatchObject({ kind: "updated", dryRun: true, revision: 2 });
    expect(await getBalancer(deps, actor, { id: before.id })).toEqual({
      kind: "found",
      balancer: before,
    });
    expect(await revOf(actor)).toBe(1);
  });

  test("of another tenant's balancer finds nothing", async () => {
    const before = await created(await newActor(db));
    const outcome = await put(await newActor(db), before, { definition: faster });
    expect(outcome).toEqual({ kind: "not-found" });
  });

  test("to a name that is taken is refused; to its own name it is not", async () => {
    const actor = await newActor(db);
    await created(actor, balancerInput({ name: "other", bind: ["127.0.0.1:9001"] }));
    const before = await created(actor);
    const renamed = balancerInput({ name: "other" });
    expect(await put(actor, before, { definition: renamed })).toEqual({
      kind: "name-taken",
      name: "other",
    });
    expect((await put(actor, before, { definition: faster })).kind).toBe("updated");
  });

  test("to another group raises both groups, and is seen by both", async () => {
    const actor = await newActor(db);
    const edge = await createGroup(deps, actor, { name: "edge" });
    const before = await created(actor);
    const outcome = await put(actor, before, { definition: balancerInput({ group: "edge" }) });
    expect(outcome.kind).toBe("updated");
    const groups = await db.sql`SELECT rev::int FROM groups WHERE tenant_id = ${actor.tenantId}`;
    expect(groups.map((group) => group["rev"] as number)).toEqual([2, 2]);
    const [revision] = await db.sql`
      SELECT changes FROM revisions WHERE tenant_id = ${actor.tenantId} AND rev = 2`;
    const edgeId = edge.kind === "created" ? edge.group.id : "";
    expect(revision?.["changes"]).toMatchObject([
      { balancer: before.id, before: before.hash, after: null },
      { balancer: before.id, before: null, group: edgeId },
    ]);
  });
});

describe("a secret on update", () => {
  const consul = { kind: "consul", host: "127.0.0.1:8500", serviceName: "web" } as const;
  const withToken = balancerInput({ discovery: { ...consul, aclToken: "s3cret-token" } });

  function tokenOf(balancer: BalancerRecord): unknown {
    const { discovery } = balancer.definition;
    return "aclToken" in discovery ? discovery.aclToken : undefined;
  }

  test("is kept when its reference is written back", async () => {
    const actor = await newActor(db);
    const before = await created(actor, withToken);
    const definition = { ...before.definition, strategy: "leastconn" };
    const outcome = await put(actor, before, { definition });
    if (outcome.kind !== "updated") throw new Error(outcome.kind);
    expect(tokenOf(outcome.balancer)).toEqual(tokenOf(before));
    const secrets = await db.sql`SELECT id FROM secrets WHERE tenant_id = ${actor.tenantId}`;
    expect(secrets).toHaveLength(1);
  });

  test("is replaced when a new one is written, and the old one stays for older revisions", async () => {
    const actor = await newActor(db);
    const before = await created(actor, withToken);
    const definition = balancerInput({ discovery: { ...consul, aclToken: "another" } });
    const outcome = await put(actor, before, { definition });
    if (outcome.kind !== "updated") throw new Error(outcome.kind);
    expect(tokenOf(outcome.balancer)).not.toEqual(tokenOf(before));
    const secrets = await db.sql<{ id: SecretId; sealed: string }[]>`
      SELECT id, sealed FROM secrets WHERE tenant_id = ${actor.tenantId} ORDER BY id`;
    const opened = await Promise.all(
      secrets.map(({ id, sealed }) => deps.sealer.open(sealed, secretContext(actor.tenantId, id))),
    );
    expect(opened.toSorted()).toEqual(["another", "s3cret-token"]);
  });

  test("of another balancer is refused", async () => {
    const actor = await newActor(db);
    const owner = await created(actor, withToken);
    const thief = await created(actor, balancerInput({ name: "thief", bind: ["127.0.0.1:9001"] }));
    const definition = { ...thief.definition, discovery: owner.definition.discovery };
    expect(await put(actor, thief, { definition })).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/discovery/aclToken/secret", code: "unknown-value" }],
    });
  });
});

describe("a removal", () => {
  test("takes the balancer away and keeps its history", async () => {
    const actor = await newActor(db);
    const before = await created(actor);
    const { id, rev, hash } = before;
    expect(
      await removeBalancer(deps, actor, { id, expected: { rev, hash }, dryRun: true }),
    ).toEqual({
      kind: "removed",
      dryRun: true,
      revision: 2,
    });
    expect(await revOf(actor)).toBe(1);
    expect(
      await removeBalancer(deps, actor, { id, expected: { rev, hash }, dryRun: false }),
    ).toEqual({
      kind: "removed",
      dryRun: false,
      revision: 2,
    });
    expect(await getBalancer(deps, actor, { id })).toEqual({ kind: "not-found" });
    const again = await removeBalancer(deps, actor, { id, expected: "any", dryRun: false });
    expect(again).toEqual({ kind: "not-found" });
    const bodies = await db.sql`SELECT hash FROM bodies WHERE tenant_id = ${actor.tenantId}`;
    expect(bodies).toHaveLength(1);
    await created(actor);
  });

  test("100 at the same time with one etag: one succeeds, the others find nothing", async () => {
    const actor = await newActor(db);
    const { id, rev, hash } = await created(actor);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () =>
        removeBalancer(deps, actor, { id, expected: { rev, hash }, dryRun: false }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "removed")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === "not-found")).toHaveLength(99);
  });

  test("with a stale etag is refused", async () => {
    const actor = await newActor(db);
    const before = await created(actor);
    await put(actor, before, { definition: faster });
    const { id, rev, hash } = before;
    const outcome = await removeBalancer(deps, actor, {
      id,
      expected: { rev, hash },
      dryRun: false,
    });
    expect(outcome.kind).toBe("stale");
  });
});
