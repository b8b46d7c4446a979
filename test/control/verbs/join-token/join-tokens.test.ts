import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256Hex } from "#shared/snapshot/hash.ts";

import type { VerbDeps } from "../../../../control/verbs/actor.ts";
import { createGroup } from "../../../../control/verbs/group/create.ts";
import { listGroups } from "../../../../control/verbs/group/list.ts";
import { createJoinToken } from "../../../../control/verbs/join-token/create.ts";
import { listJoinTokens } from "../../../../control/verbs/join-token/list.ts";
import { revokeJoinToken } from "../../../../control/verbs/join-token/revoke.ts";
import { newActor, verbDeps } from "../../../support/actors.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

test("a join token is for one node, the default group and an hour, unless said otherwise", async () => {
  const actor = await newActor(db);
  const outcome = await createJoinToken(deps, actor, {});
  if (outcome.kind !== "created") throw new Error(outcome.kind);
  const { joinToken, token } = outcome;
  expect(token).toMatch(/^msj_[\w-]{43}$/);
  expect(joinToken).toMatchObject({ group: "default", uses: 1, usesLeft: 1, revokedAtMs: null });
  expect(joinToken.expiresAtMs - joinToken.createdAtMs).toBe(3_600_000);
  const [row] = await db.sql`SELECT hash FROM join_tokens WHERE id = ${joinToken.id}`;
  expect(row?.["hash"]).toBe(sha256Hex(token));
  expect(await listJoinTokens(deps, actor, { limit: 10 })).toEqual({
    kind: "page",
    items: [joinToken],
    nextCursor: null,
  });
});

test("a join token for another group, more nodes and another time", async () => {
  const actor = await newActor(db);
  await createGroup(deps, actor, { name: "edge" });
  const input = { group: "edge", uses: 20, ttlMs: 60_000 };
  const outcome = await createJoinToken(deps, actor, input);
  expect(outcome).toMatchObject({ joinToken: { group: "edge", uses: 20, usesLeft: 20 } });
});

test("a join token with bad input, or for a group that is not there, is refused", async () => {
  const actor = await newActor(db);
  const outcome = await createJoinToken(deps, actor, { uses: 0, ttlMs: -1 });
  const pointers = outcome.kind === "invalid" ? outcome.problems.map((p) => p.pointer) : outcome;
  expect(pointers).toEqual(["/uses", "/ttl"]);
  expect(await createJoinToken(deps, actor, { group: "nowhere" })).toMatchObject({
    kind: "invalid",
    problems: [{ pointer: "/group", code: "unknown-value" }],
  });
});

test("a revoked join token says so, and another tenant's cannot be revoked", async () => {
  const [owner, stranger] = [await newActor(db), await newActor(db)];
  const outcome = await createJoinToken(deps, owner, {});
  const id = outcome.kind === "created" ? outcome.joinToken.id : undefined;
  if (id === undefined) throw new Error("no token");
  expect(await revokeJoinToken(deps, stranger, { id })).toEqual({ kind: "not-found" });
  expect(await revokeJoinToken(deps, owner, { id })).toEqual({ kind: "revoked" });
  expect(await revokeJoinToken(deps, owner, { id })).toEqual({ kind: "revoked" });
  expect(await listJoinTokens(deps, owner, { limit: 10 })).toMatchObject({
    items: [{ id, revokedAtMs: expect.any(Number) as number }],
  });
});

test("join tokens need the scope nodes", async () => {
  const actor = { ...(await newActor(db)), scopes: new Set(["read", "write"] as const) };
  await expect(createJoinToken(deps, actor, {})).rejects.toMatchObject({
    code: "verbs/missing-scope",
  });
});

test("a group is made once per name, and every tenant has default", async () => {
  const actor = await newActor(db);
  expect(await createGroup(deps, actor, { name: "default" })).toEqual({
    kind: "name-taken",
    name: "default",
  });
  expect(await createGroup(deps, actor, { name: "Not A Name" })).toMatchObject({
    kind: "invalid",
    problems: [{ pointer: "/name" }],
  });
  await createGroup(deps, actor, { name: "edge" });
  const page = await listGroups(deps, actor, { limit: 10 });
  expect(page.kind === "page" ? page.items.map((group) => group.name) : page).toEqual([
    "default",
    "edge",
  ]);
  const other = await listGroups(deps, await newActor(db), { limit: 10 });
  expect(other.kind === "page" ? other.items : other).toHaveLength(1);
});
