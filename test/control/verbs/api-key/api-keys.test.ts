import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sha256Hex } from "#shared/snapshot/hash.ts";

import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import { authenticate } from "../../../../control/verbs/api-key/authenticate.ts";
import { createApiKey } from "../../../../control/verbs/api-key/create.ts";
import { listApiKeys } from "../../../../control/verbs/api-key/list.ts";
import { revokeApiKey } from "../../../../control/verbs/api-key/revoke.ts";
import { listAudit } from "../../../../control/verbs/audit/list.ts";
import { newActor, verbDeps } from "../../../support/actors.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

async function created(actor: Actor, scopes: readonly string[] = ["read"], ttlMs?: number) {
  const outcome = await createApiKey(deps, actor, {
    name: "ci",
    scopes,
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });
  if (outcome.kind !== "created") throw new Error(JSON.stringify(outcome));
  return outcome;
}

describe("an API key", () => {
  test("does what its scopes say, and only its hash is stored", async () => {
    const actor = await newActor(db);
    const { apiKey, secret } = await created(actor, ["read", "nodes", "read"]);
    const who = await authenticate(deps, secret);
    expect(who).toEqual({
      tenantId: actor.tenantId,
      keyId: apiKey.id,
      scopes: new Set(["read", "nodes"]),
    });
    const [row] = await db.sql`SELECT hash FROM api_keys WHERE id = ${apiKey.id}`;
    expect(row?.["hash"]).toBe(sha256Hex(secret));
  });

  test("stops working when it is revoked, at once, and stays in the list", async () => {
    const actor = await newActor(db);
    const { apiKey, secret } = await created(actor);
    expect(await revokeApiKey(deps, actor, { id: apiKey.id })).toEqual({ kind: "revoked" });
    expect(await authenticate(deps, secret)).toBeUndefined();
    expect(await revokeApiKey(deps, actor, { id: apiKey.id })).toEqual({ kind: "revoked" });
    const page = await listApiKeys(deps, actor, { limit: 10 });
    const listed = page.kind === "page" ? page.items.find((key) => key.id === apiKey.id) : page;
    expect(listed).toMatchObject({ revokedAtMs: expect.any(Number) as number });
    const audit = await listAudit(deps, actor, { limit: 10 });
    const actions = audit.kind === "page" ? audit.items.map((item) => item.action) : [];
    expect(actions).toEqual(["api-key.revoke", "api-key.create", "tenant.sign-up"]);
  });

  test("ends with its time", async () => {
    const { apiKey, secret } = await created(await newActor(db), ["read"], 60_000);
    expect(await authenticate(deps, secret)).toBeDefined();
    await db.sql`UPDATE api_keys SET expires_at = now() WHERE id = ${apiKey.id}`;
    expect(await authenticate(deps, secret)).toBeUndefined();
  });

  test("may not do more than the key that made it", async () => {
    const actor = { ...(await newActor(db)), scopes: new Set(["admin", "read"] as const) };
    const outcome = await createApiKey(deps, actor, { name: "more", scopes: ["read", "write"] });
    expect(outcome).toMatchObject({ kind: "invalid", problems: [{ pointer: "/scopes/1" }] });
  });

  test("with bad input names every problem", async () => {
    const outcome = await createApiKey(deps, await newActor(db), {
      name: "",
      scopes: [],
      ttlMs: 5,
    });
    const pointers = outcome.kind === "invalid" ? outcome.problems.map((p) => p.pointer) : outcome;
    expect(pointers).toEqual(["/name", "/scopes", "/ttl"]);
  });

  test("of another tenant cannot be seen or revoked", async () => {
    const [owner, stranger] = [await newActor(db), await newActor(db)];
    const { apiKey, secret } = await created(owner);
    expect(await revokeApiKey(deps, stranger, { id: apiKey.id })).toEqual({ kind: "not-found" });
    expect(await authenticate(deps, secret)).toBeDefined();
    const page = await listApiKeys(deps, stranger, { limit: 10 });
    expect(page.kind === "page" ? page.items.map((key) => key.id) : page).toEqual([stranger.keyId]);
  });

  test("beyond the limit is refused, exactly, also when many come at once", async () => {
    const actor = await newActor(db);
    await db.sql`
      INSERT INTO api_keys (tenant_id, id, kind, name, hash, scopes)
        SELECT ${actor.tenantId}, 'key_' || n, 'key', 'x', ${actor.tenantId} || n, '{read}'
          FROM generate_series(1, 197) n`;
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () =>
        createApiKey(deps, actor, { name: "last", scopes: ["read"] }),
      ),
    );
    const kinds = outcomes.map((outcome) => outcome.kind);
    expect(kinds.filter((kind) => kind === "created")).toHaveLength(2);
    expect(outcomes).toContainEqual({ kind: "limit-reached", what: "api keys", max: 200 });
  });

  test("made twice under one idempotency key is one key with one secret, kept sealed", async () => {
    const actor = { ...(await newActor(db)), idempotency: { key: "k", fingerprint: "f" } };
    const [first, second] = await Promise.all([created(actor), created(actor)]);
    expect(second).toEqual(first);
    const answers = await db.sql`SELECT * FROM idempotency WHERE tenant_id = ${actor.tenantId}`;
    expect(answers).toHaveLength(1);
    expect(JSON.stringify(answers)).not.toContain(first.secret);
  });
});

describe("authentication", () => {
  test("knows no key that was made up, and does not ask the database about nonsense", async () => {
    const asked: string[] = [];
    const watched: VerbDeps["database"] = {
      ...db.database,
      asSystem: (run) => {
        asked.push("system");
        return db.database.asSystem(run);
      },
    };
    for (const secret of ["", "msk_", "Bearer x", `msj_${"a".repeat(43)}`, "x".repeat(10_000)]) {
      expect(await authenticate({ database: watched }, secret)).toBeUndefined();
    }
    expect(asked).toEqual([]);
    expect(await authenticate({ database: watched }, `msk_${"a".repeat(43)}`)).toBeUndefined();
    expect(asked).toEqual(["system"]);
  });

  test("notes the use of a key at most once a minute", async () => {
    const { apiKey, secret } = await created(await newActor(db));
    const lastUsed = async (): Promise<unknown> => {
      const [row] = await db.sql`SELECT last_used_at FROM api_keys WHERE id = ${apiKey.id}`;
      return row?.["last_used_at"];
    };
    expect(await lastUsed()).toBeNull();
    await authenticate(deps, secret);
    const first = await lastUsed();
    expect(first).toBeInstanceOf(Date);
    await authenticate(deps, secret);
    expect(await lastUsed()).toEqual(first);
    await db.sql`
      UPDATE api_keys SET last_used_at = now() - interval '61 seconds' WHERE id = ${apiKey.id}`;
    const old = await lastUsed();
    await authenticate(deps, secret);
    expect(await lastUsed()).not.toEqual(old);
  });
});
