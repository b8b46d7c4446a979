import { beforeAll, expect, test } from "vitest";

import { controlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { newAddress } from "../../support/new-address.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";

interface Items {
  readonly items: readonly { readonly id: string }[];
}

interface Named {
  readonly id: string;
  readonly code?: string;
}

let url: string;
const cleanup = suiteCleanup();

beforeAll(async () => {
  ({ url } = await controlUnderTest(cleanup));
});

function create(tenant: TestTenant, key: string, body: unknown = simpleBalancer("web")) {
  const headers = { "idempotency-key": key };
  return tenant.call<Named>("POST", "/v1/balancers", { body, headers });
}

async function balancersOf(tenant: TestTenant): Promise<number> {
  return (await tenant.demand<Items>("GET", "/v1/balancers")).items.length;
}

test("the same call under the same key, one after the other, has one effect and one answer", async () => {
  const tenant = await signUp(url);
  const first = await create(tenant, "once");
  const second = await create(tenant, "once");
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body).toEqual(first.body);
  expect(second.headers.get("etag")).toBe(first.headers.get("etag"));
  expect(await balancersOf(tenant)).toBe(1);
});

test("20 of them at the same time have one effect and one answer", async () => {
  const tenant = await signUp(url);
  const answers = await Promise.all(Array.from({ length: 20 }, () => create(tenant, "at-once")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await balancersOf(tenant)).toBe(1);
});

test("another body, query or path under the same key is refused and does nothing", async () => {
  const tenant = await signUp(url);
  await create(tenant, "mine");
  const headers = { "idempotency-key": "mine" };
  const other = await create(tenant, "mine", simpleBalancer("other", 9_001));
  const dry = await tenant.call<Named>("POST", "/v1/balancers?dryRun=true", {
    body: simpleBalancer("web"),
    headers,
  });
  const group = await tenant.call<Named>("POST", "/v1/groups", { body: { name: "edge" }, headers });
  for (const answer of [other, dry, group]) {
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe("http/idempotency-mismatch");
  }
  expect(await balancersOf(tenant)).toBe(1);
  expect((await tenant.demand<Items>("GET", "/v1/groups")).items).toHaveLength(1);
});

test("a secret that is shown once is shown to the repeated call as well", async () => {
  const tenant = await signUp(url);
  const call = { body: {}, headers: { "idempotency-key": "token" } };
  const first = await tenant.call<{ token: string }>("POST", "/v1/join-tokens", call);
  const second = await tenant.call<{ token: string }>("POST", "/v1/join-tokens", call);
  expect(first.body.token).toMatch(/^msj_/);
  expect(second.body).toEqual(first.body);
});

test("what was refused may be repeated once it is right", async () => {
  const tenant = await signUp(url);
  expect((await create(tenant, "retry", {})).status).toBe(422);
  expect((await create(tenant, "retry")).status).toBe(201);
});

test("a key belongs to its tenant", async () => {
  const [one, other] = [await signUp(url), await signUp(url)];
  const [first, second] = [await create(one, "shared"), await create(other, "shared")];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body.id).not.toBe(first.body.id);
});

test.for(["", "x".repeat(256), "two words"])("a key such as %j is 400", async (key) => {
  const tenant = await signUp(url);
  const answer = await create(tenant, key);
  expect(answer.status).toBe(400);
  expect(answer.body.code).toBe("http/bad-header");
});

test("sign-up and log-in refuse a key by name, and a sign-up that is sent again makes nothing twice", async () => {
  const account = { email: newAddress(), password: "long enough a password" };
  const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(new URL(path, url), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const key = { "idempotency-key": "once" };
  for (const [path, body] of [
    ["/v1/signup", { tenant: "Again", ...account }],
    ["/v1/sessions", account],
  ] as const) {
    const refused = await post(path, body, key);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: "http/bad-header",
      detail: expect.stringContaining("Idempotency-Key"),
    });
  }
  expect((await post("/v1/sessions", account)).status, "nothing was made").toBe(401);
  expect((await post("/v1/signup", { tenant: "Again", ...account })).status).toBe(201);
  const again = await post("/v1/signup", { tenant: "Again", ...account });
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ code: "http/email-taken" });
  const { session } = (await (await post("/v1/sessions", account)).json()) as {
    session: { secret: string };
  };
  const headers = { authorization: `Bearer ${session.secret}` };
  const made = await post("/v1/api-keys", { name: "k", scopes: ["read"] }, headers);
  expect(made.status).toBe(201);
});

test("every POST of the description takes a key, but for those that refuse it", async () => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, { post?: { description?: string; parameters?: { $ref?: string }[] } }>;
  };
  const refusing: string[] = [];
  for (const [path, { post }] of Object.entries(document.paths)) {
    if (post === undefined) continue;
    const takes = post.parameters?.some(({ $ref }) => $ref?.endsWith("/IdempotencyKey") === true);
    if (takes === true) continue;
    expect(post.description, path).toContain("`Idempotency-Key` is refused");
    refusing.push(path);
  }
  expect(refusing.toSorted()).toEqual(["/v1/sessions", "/v1/signup"]);
});
