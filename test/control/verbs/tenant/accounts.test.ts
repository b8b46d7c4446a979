import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { TenantId } from "#shared/base/ids.ts";
import { sessionMs } from "#shared/base/limits.ts";

import type { VerbDeps } from "../../../../control/verbs/actor.ts";
import { authenticate } from "../../../../control/verbs/api-key/authenticate.ts";
import { scopes } from "../../../../control/verbs/scopes.ts";
import { logIn } from "../../../../control/verbs/tenant/log-in.ts";
import { createPasswords } from "../../../../control/verbs/tenant/password.ts";
import { signUp } from "../../../../control/verbs/tenant/sign-up.ts";
import { verbDeps } from "../../../support/actors.ts";
import { newAddress } from "../../../support/new-address.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let deps: VerbDeps;
beforeAll(async () => {
  db = await testDatabase();
  deps = verbDeps(db);
});
afterAll(() => db.stop());

const request = { requestId: "req_1", address: "192.0.2.1" };
const password = "correct horse battery";

async function signedUp(email = newAddress()) {
  const outcome = await signUp(deps, { tenant: "Acme", email, password, ...request });
  if (outcome.kind !== "signed-up") throw new Error(JSON.stringify(outcome));
  return outcome;
}

describe("a sign-up", () => {
  test("makes a tenant with its user, default group and a key that may do everything", async () => {
    const { tenant, userId, apiKey } = await signedUp();
    expect(apiKey.secret).toMatch(/^msk_[\w-]{43}$/);
    const who = await authenticate(deps, apiKey.secret);
    expect(who).toEqual({ tenantId: tenant.id, keyId: apiKey.id, scopes: new Set(scopes) });
    const groups = await db.sql`SELECT name FROM groups WHERE tenant_id = ${tenant.id}`;
    expect(groups).toEqual([{ name: "default" }]);
    const members =
      await db.sql`SELECT user_id, role FROM memberships WHERE tenant_id = ${tenant.id}`;
    expect(members).toEqual([{ user_id: userId, role: "owner" }]);
    const audit = await db.sql`SELECT action, actor FROM audit WHERE tenant_id = ${tenant.id}`;
    expect(audit).toEqual([{ action: "tenant.sign-up", actor: apiKey.id }]);
  });

  test("stores neither the password nor the key", async () => {
    const email = newAddress();
    const { apiKey } = await signedUp(email);
    for (const table of ["users", "api_keys", "audit", "tenants"]) {
      const text = JSON.stringify(await db.sql.unsafe(`SELECT t::text AS text FROM ${table} t`));
      expect(text).not.toContain(apiKey.secret);
      expect(text).not.toContain(password);
    }
    const [user] = await db.sql`SELECT password_hash FROM users WHERE email = ${email}`;
    expect(user?.["password_hash"]).toMatch(/^scrypt\$15\$8\$3\$/);
  });

  test("with an address that is taken, in whatever case, stores nothing", async () => {
    const email = newAddress();
    await signedUp(email);
    const [before] = await db.sql`SELECT count(*)::int AS tenants FROM tenants`;
    const again = { tenant: "Other", email: email.toUpperCase(), password, ...request };
    expect(await signUp(deps, again)).toEqual({ kind: "email-taken" });
    expect(await db.sql`SELECT count(*)::int AS tenants FROM tenants`).toEqual([before]);
  });

  test("at the same time with one address: one succeeds", async () => {
    const input = { tenant: "Acme", email: newAddress(), password, ...request };
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => signUp(deps, input)));
    expect(outcomes.filter((outcome) => outcome.kind === "signed-up")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === "email-taken")).toHaveLength(4);
  });

  test("with bad input names every problem", async () => {
    const outcome = await signUp(deps, { tenant: " ", email: "x", password: "short", ...request });
    const pointers = outcome.kind === "invalid" ? outcome.problems.map((p) => p.pointer) : outcome;
    expect(pointers).toEqual(["/tenant", "/email", "/password"]);
  });
});

describe("a log-in", () => {
  test("opens a session that works like a key, for twelve hours", async () => {
    const email = newAddress();
    const { tenant } = await signedUp(email);
    const nowMs = deps.clock.nowMs();
    const outcome = await logIn(deps, { email: email.toUpperCase(), password, ...request });
    if (outcome.kind !== "logged-in") throw new Error(outcome.kind);
    expect(outcome.tenant).toEqual(tenant);
    expect(outcome.session.secret).toMatch(/^mss_[\w-]{43}$/);
    expect(outcome.session.expiresAtMs - nowMs - sessionMs).toBeLessThan(60_000);
    const who = await authenticate(deps, outcome.session.secret);
    expect(who).toMatchObject({ tenantId: tenant.id, keyId: outcome.session.id });
    await db.sql`UPDATE api_keys SET expires_at = now() WHERE id = ${outcome.session.id}`;
    expect(await authenticate(deps, outcome.session.secret)).toBeUndefined();
  });

  test("with a wrong password, an unknown address or a strange tenant is refused alike", async () => {
    const email = newAddress();
    await signedUp(email);
    const inputs = [
      { email, password: "wrong password" },
      { email: "nobody@example.com", password },
      { email, password, tenantId: "ten_unknown" as TenantId },
      { email, password: "x".repeat(100_000) },
    ];
    for (const input of inputs) {
      expect(await logIn(deps, { ...input, ...request })).toEqual({ kind: "refused" });
    }
  });

  test("beyond what may wait is told to come back, and the others are answered", async () => {
    const email = newAddress();
    await signedUp(email);
    const small = { ...deps, passwords: createPasswords({ atOnceMax: 1, waitersMax: 2 }) };
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        logIn(small, { email, password: "wrong password", ...request }),
      ),
    );
    const kinds = outcomes.map((outcome) => outcome.kind);
    expect(kinds.filter((kind) => kind === "busy").length).toBeGreaterThan(0);
    expect(kinds.filter((kind) => kind === "refused").length).toBeGreaterThanOrEqual(3);
    const later = await logIn(small, { email, password, ...request });
    expect(later.kind).toBe("logged-in");
  });
});
