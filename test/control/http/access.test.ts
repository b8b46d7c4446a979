import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { newAddress } from "../../support/new-address.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, tenantWith, type TestTenant } from "../../support/tenant-api.ts";

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

interface NewKey {
  readonly id: string;
  readonly secret: string;
}

let control: ControlUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

async function post<Body>(path: string, body: unknown): Promise<{ status: number; body: Body }> {
  const response = await fetch(control.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

/** The tenant with a key that may do no more than this. */
async function withScopes(tenant: TestTenant, scopes: readonly string[]): Promise<TestTenant> {
  const key = await tenant.demand<NewKey>("POST", "/v1/api-keys", { body: { name: "k", scopes } });
  return tenantWith(control.url, tenant.id, key.secret);
}

describe("POST /v1/signup", () => {
  test("makes a tenant and a key that may do everything", async () => {
    const body = {
      tenant: "Acme",
      email: `Ada.${newAddress()}`,
      password: "long enough a password",
    };
    const answer = await post<{ tenant: { id: string }; apiKey: NewKey }>("/v1/signup", body);
    expect(answer).toEqual({
      status: 201,
      body: {
        tenant: { id: expect.stringMatching(/^ten_/), name: "Acme" },
        apiKey: { id: expect.stringMatching(/^key_/), secret: expect.stringMatching(/^msk_/) },
      },
    });
    const tenant = tenantWith(control.url, answer.body.tenant.id, answer.body.apiKey.secret);
    expect((await tenant.call("GET", "/v1/me")).body).toEqual({
      tenant: { id: answer.body.tenant.id, name: "Acme", revision: 0 },
      key: { id: answer.body.apiKey.id, scopes: ["read", "write", "nodes", "admin"] },
    });
    const groups = await tenant.demand<{ items: { name: string }[] }>("GET", "/v1/groups");
    expect(groups.items).toMatchObject([{ name: "default", revision: 0 }]);
  });

  test("an address that is known is 409, in whatever case", async () => {
    const body = { tenant: "Twice", email: newAddress(), password: "long enough a password" };
    expect((await post("/v1/signup", body)).status).toBe(201);
    const again = await post<Problem>("/v1/signup", { ...body, email: body.email.toUpperCase() });
    expect(again.status).toBe(409);
    expect(again.body.code).toBe("http/email-taken");
  });

  test("names everything that is wrong", async () => {
    const body = { tenant: "", email: "nobody", password: "short", plan: "gold" };
    const answer = await post<Problem>("/v1/signup", body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/email",
      "/password",
      "/plan",
      "/tenant",
    ]);
    const types = await post<Problem>("/v1/signup", { tenant: 1, email: null });
    expect(types.body.errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/email",
      "/password",
      "/tenant",
    ]);
  });
});

describe("POST /v1/sessions", () => {
  const account = { email: "login@example.com", password: "long enough a password" };

  beforeAll(async () => {
    await post("/v1/signup", { tenant: "Login", ...account });
  });

  test("gives a session that is used like a key, until it is revoked", async () => {
    const answer = await post<{ tenant: { id: string }; session: NewKey }>("/v1/sessions", account);
    expect(answer).toMatchObject({
      status: 201,
      body: {
        tenant: { name: "Login" },
        session: { secret: expect.stringMatching(/^mss_/), expiresAt: expect.any(String) },
      },
    });
    const { tenant, session } = answer.body;
    const caller = tenantWith(control.url, tenant.id, session.secret);
    expect((await caller.call("GET", "/v1/me")).status).toBe(200);
    expect((await caller.call("DELETE", `/v1/api-keys/${session.id}`)).status).toBe(204);
    expect((await caller.call("GET", "/v1/me")).status).toBe(401);
  });

  test.for([
    [{ password: "another password!" }],
    [{ email: "unknown@example.com" }],
    [{ tenant: "ten_01m82za349jrm9b77cthtnq52j" }],
    [{ tenant: "no id" }],
    [{ password: "" }],
    [{ password: "x".repeat(100_000) }],
  ])("%o is 401, and all are told the same", async ([change]) => {
    const answer = await post<Problem>("/v1/sessions", { ...account, ...change });
    expect(answer.status).toBe(401);
    expect(answer.body.code).toBe("http/sign-in-refused");
  });
});

describe("API keys", () => {
  test("are made, listed without their secret, used, and revoked", async () => {
    const tenant = await signUp(control.url);
    const body = { name: "ci", scopes: ["read"], ttl: "720h" };
    const made = await tenant.call<NewKey & { expiresAt: string }>("POST", "/v1/api-keys", {
      body,
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "ci", scopes: ["read"], kind: "key", revokedAt: null });
    const livesMs = Date.parse(made.body.expiresAt) - Date.now();
    expect(Math.abs(livesMs - 720 * 3_600_000)).toBeLessThan(60_000);
    const list = await tenant.call<{ items: NewKey[] }>("GET", "/v1/api-keys");
    expect(list.body.items).toHaveLength(2);
    expect(JSON.stringify(list.body)).not.toContain(made.body.secret);
    const caller = tenantWith(control.url, tenant.id, made.body.secret);
    expect((await caller.call("GET", "/v1/balancers")).status).toBe(200);
    for (let time = 0; time < 2; time += 1) {
      expect((await tenant.call("DELETE", `/v1/api-keys/${made.body.id}`)).status).toBe(204);
    }
    const refused = await caller.call<Problem>("GET", "/v1/balancers");
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  test("everything wrong with one is named at once", async () => {
    const tenant = await signUp(control.url);
    const answer = await tenant.call<Problem>("POST", "/v1/api-keys", {
      body: { name: "", scopes: ["read", "root"], ttl: "soon", more: 1 },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/more",
      "/name",
      "/scopes/1",
      "/ttl",
    ]);
  });

  test("a key passes on no more than it may do itself", async () => {
    const tenant = await signUp(control.url);
    const admin = await withScopes(tenant, ["admin"]);
    const answer = await admin.call<Problem>("POST", "/v1/api-keys", {
      body: { name: "more", scopes: ["admin", "write"] },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toMatchObject([{ pointer: "/scopes/1" }]);
  });
});

describe("scopes", () => {
  /** What each scope opens; everything else is 403. */
  const calls = [
    ["read", "GET", "/v1/balancers"],
    ["read", "GET", "/v1/balancers/bal_01m82za364yt49jcawxdj1b054"],
    ["read", "GET", "/v1/balancers/bal_01m82za364yt49jcawxdj1b054/stats"],
    ["read", "GET", "/v1/metrics"],
    ["read", "GET", "/v1/nodes"],
    ["read", "GET", "/v1/nodes/nod_01m82za364yt49jcawxdj1b054"],
    ["read", "GET", "/v1/groups"],
    ["read", "GET", "/v1/revisions"],
    ["read", "GET", "/v1/revisions/1"],
    ["read", "GET", "/v1/revisions/1/diff"],
    ["write", "POST", "/v1/balancers"],
    ["write", "PUT", "/v1/balancers/bal_01m82za364yt49jcawxdj1b054"],
    ["write", "DELETE", "/v1/balancers/bal_01m82za364yt49jcawxdj1b054"],
    ["write", "POST", "/v1/groups"],
    ["write", "POST", "/v1/revisions/1/rollback"],
    ["nodes", "GET", "/v1/join-tokens"],
    ["nodes", "POST", "/v1/join-tokens"],
    ["nodes", "DELETE", "/v1/join-tokens/jtk_01m82za364yt49jcawxdj1b054"],
    ["nodes", "DELETE", "/v1/nodes/nod_01m82za364yt49jcawxdj1b054"],
    ["admin", "GET", "/v1/api-keys"],
    ["admin", "POST", "/v1/api-keys"],
    ["admin", "DELETE", "/v1/api-keys/key_01m82za364yt49jcawxdj1b054"],
    ["admin", "GET", "/v1/audit"],
  ] as const;

  const bodies: Readonly<Record<string, unknown>> = {
    "/v1/api-keys": { name: "k", scopes: ["admin"] },
    "/v1/groups": { name: "edge" },
  };

  test("each call needs its own scope, and no other opens it", async () => {
    const tenant = await signUp(control.url);
    const callers = {
      read: await withScopes(tenant, ["read"]),
      write: await withScopes(tenant, ["write"]),
      nodes: await withScopes(tenant, ["nodes"]),
      admin: await withScopes(tenant, ["admin"]),
    };
    for (const [scope, method, path] of calls) {
      for (const [own, caller] of Object.entries(callers)) {
        const answer = await caller.call<Problem>(method, path, {
          headers: { "if-match": "*" },
          ...(method === "POST" || method === "PUT"
            ? { body: bodies[path] ?? (path.includes("balancers") ? simpleBalancer("web") : {}) }
            : {}),
        });
        const seen = `${own}: ${method} ${path} ${answer.status}`;
        if (own === scope) expect(seen).not.toContain(" 403");
        else expect(seen).toBe(`${own}: ${method} ${path} 403`);
        if (own !== scope) expect(answer.body.code).toBe("http/missing-scope");
      }
    }
  });
});

describe("join tokens", () => {
  test("can be asked for without a body: one use, an hour, the default group", async () => {
    const tenant = await signUp(control.url);
    const answer = await tenant.call<{ token: string; expiresAt: string }>(
      "POST",
      "/v1/join-tokens",
    );
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      id: expect.stringMatching(/^jtk_/),
      token: expect.stringMatching(/^msj_/),
      group: "default",
      uses: 1,
      usesLeft: 1,
    });
    const livesMs = Date.parse(answer.body.expiresAt) - Date.now();
    expect(Math.abs(livesMs - 3_600_000)).toBeLessThan(60_000);
  });

  test("are listed without the token, and revoked", async () => {
    const tenant = await signUp(control.url);
    const made = await tenant.demand<{ id: string; token: string }>("POST", "/v1/join-tokens", {
      body: { uses: 5, ttl: "10m" },
    });
    expect((await tenant.call("DELETE", `/v1/join-tokens/${made.id}`)).status).toBe(204);
    const list = await tenant.call<{ items: unknown[] }>("GET", "/v1/join-tokens");
    expect(list.body.items).toMatchObject([
      { id: made.id, uses: 5, revokedAt: expect.any(String) },
    ]);
    expect(JSON.stringify(list.body)).not.toContain(made.token);
  });

  test("everything wrong with one is named at once", async () => {
    const tenant = await signUp(control.url);
    const answer = await tenant.call<Problem>("POST", "/v1/join-tokens", {
      body: { group: "Not A Name", uses: 0, ttl: "1000h", more: true },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/group",
      "/more",
      "/ttl",
      "/uses",
    ]);
    const elsewhere = await tenant.call<Problem>("POST", "/v1/join-tokens", {
      body: { group: "elsewhere" },
    });
    expect(elsewhere.body.errors).toMatchObject([{ pointer: "/group" }]);
  });
});

describe("the audit", () => {
  test("says who did what, with which request, newest first, without secrets", async () => {
    const tenant = await signUp(control.url);
    await tenant.demand("POST", "/v1/balancers", {
      body: simpleBalancer("web"),
      headers: { "x-request-id": "audited-1" },
    });
    const { items } = await tenant.demand<{ items: Record<string, unknown>[] }>("GET", "/v1/audit");
    expect(items[0]).toMatchObject({
      action: "balancer.create",
      actor: expect.stringMatching(/^key_/),
      target: expect.stringMatching(/^bal_/),
      requestId: "audited-1",
      address: "127.0.0.1",
      beforeHash: null,
      afterHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(JSON.stringify(items)).not.toContain(tenant.key);
  });
});

describe("rate limits", () => {
  test("of a key are announced, and beyond them calls are 429 with Retry-After", async () => {
    const limits = { calls: { name: "calls", burst: 3, perSecond: 0.01 } };
    const narrow = await controlUnderTest(onTestFinished, { limits });
    const tenant = await signUp(narrow.url);
    const other = await signUp(narrow.url);
    const first = await tenant.call("GET", "/v1/me");
    expect(first.headers.get("ratelimit-policy")).toBe('"calls";q=3;w=300');
    expect(first.headers.get("ratelimit")).toMatch(/^"calls";r=2;t=\d+$/);
    await tenant.call("GET", "/v1/me");
    await tenant.call("GET", "/v1/me");
    const refused = await tenant.call<Problem>("GET", "/v1/me");
    expect(refused.status).toBe(429);
    expect(refused.body.code).toBe("http/too-many-requests");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await other.call("GET", "/v1/me")).status).toBe(200);
  });

  test("of sign-ins count by client address, and only a trusted proxy may name another", async () => {
    const limits = { signIns: { name: "sign-ins", burst: 1, perSecond: 0.01 } };
    const attempt = async (url: string, forwarded: string): Promise<number> => {
      const response = await fetch(`${url}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-forwarded-for": forwarded },
        body: JSON.stringify({ email: "a@example.com", password: "x" }),
      });
      return response.status;
    };
    const open = await controlUnderTest(onTestFinished, { limits });
    expect(await attempt(open.url, "203.0.113.1")).toBe(401);
    expect(await attempt(open.url, "203.0.113.2")).toBe(429);
    const behind = await controlUnderTest(onTestFinished, {
      limits,
      trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"],
    });
    expect(await attempt(behind.url, "203.0.113.1")).toBe(401);
    expect(await attempt(behind.url, "203.0.113.2")).toBe(401);
    expect(await attempt(behind.url, "198.51.100.7, 203.0.113.1, 10.1.1.1")).toBe(429);
    expect(await attempt(behind.url, "2001:db8:1:2::1")).toBe(401);
    expect(await attempt(behind.url, "2001:db8:1:2::2")).toBe(429);
    expect(behind.log.lines.at(-1)?.fields["address"]).toBe("2001:db8:1:2::2");
  });

  test("of refused keys count by client address: a flood from one leaves the others alone", async () => {
    const behind = await controlUnderTest(onTestFinished, {
      limits: { refusals: { name: "refusals", burst: 2, perSecond: 0.01 } },
      trustedProxies: ["127.0.0.0/8"],
    });
    const tenant = await signUp(behind.url);
    const attempt = async (key: string, forwarded: string): Promise<Response> =>
      fetch(`${behind.url}/v1/me`, {
        headers: { authorization: `Bearer ${key}`, "x-forwarded-for": forwarded },
      });
    expect((await attempt("msk_wrong", "203.0.113.1")).status).toBe(401);
    expect((await attempt(tenant.key, "203.0.113.1")).status).toBe(200);
    expect((await attempt("msk_wrong", "203.0.113.1")).status).toBe(401);
    const refused = await attempt("msk_wrong", "203.0.113.1");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await attempt(tenant.key, "203.0.113.1")).status).toBe(429);
    expect((await attempt(tenant.key, "203.0.113.2")).status).toBe(200);
  });
});
