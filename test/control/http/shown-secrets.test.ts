import { beforeAll, describe, expect, test } from "vitest";

import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";

interface Shown {
  readonly id: string;
  readonly healthcheck: { readonly headers: Readonly<Record<string, unknown>> };
  readonly [key: string]: unknown;
}

let control: ControlUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

const headers = { Authorization: "Bearer hush-1", "X-Empty": "" };
const checked = { ...simpleBalancer("web"), healthcheck: { kind: "http", headers } };
const anyVersion = { "if-match": "*" };

/** Everything that the database keeps of the tenant, but what is sealed. */
async function storedTexts(tenant: TestTenant): Promise<string> {
  const tables = ["balancers", "bodies", "revisions", "audit", "questions", "idempotency"];
  const rows = await Promise.all(
    tables.map((table) =>
      control.db.sql.unsafe(`SELECT t::text AS text FROM ${table} t WHERE tenant_id = $1`, [
        tenant.id,
      ]),
    ),
  );
  return JSON.stringify(rows);
}

describe("the headers of a check", () => {
  test("are sealed when they are written and read back as references, which keep what is stored", async () => {
    const tenant = await signUp(control.url);
    const { id } = await tenant.demand<Shown>("POST", "/v1/balancers", { body: checked });
    const path = `/v1/balancers/${id}`;
    const shown = await tenant.demand<Shown>("GET", path);
    const reference = { secret: expect.stringMatching(/^sec_/) };
    expect(shown.healthcheck.headers).toEqual({ Authorization: reference, "X-Empty": reference });
    expect(await storedTexts(tenant)).not.toContain("hush-1");

    const body = { ...shown, strategy: "leastconn" };
    const written = await tenant.demand<Shown>("PUT", path, { body, headers: anyVersion });
    expect(written.healthcheck.headers).toEqual(shown.healthcheck.headers);
    const rows = await control.db.sql`SELECT id FROM secrets WHERE tenant_id = ${tenant.id}`;
    expect(rows).toHaveLength(2);
    const diff = await tenant.demand("GET", "/v1/revisions/2/diff?from=0");
    expect(JSON.stringify(diff)).not.toContain("hush-1");
  });

  test("cannot be taken over from another balancer by their references", async () => {
    const tenant = await signUp(control.url);
    const { id } = await tenant.demand<Shown>("POST", "/v1/balancers", { body: checked });
    const { healthcheck } = await tenant.demand<Shown>("GET", `/v1/balancers/${id}`);
    const body = { ...simpleBalancer("thief", 9_001), healthcheck };
    expect(await tenant.call("POST", "/v1/balancers", { body })).toMatchObject({
      status: 422,
      body: {
        errors: expect.arrayContaining([
          expect.objectContaining({ pointer: "/healthcheck/headers/Authorization/secret" }),
        ]),
      },
    });
  });
});

test("a password in a URL is refused with the field for it, on POST, on PUT and on a dry run", async () => {
  const tenant = await signUp(control.url);
  const { id } = await tenant.demand<Shown>("POST", "/v1/balancers", { body: checked });
  const discovery = { kind: "json", endpoint: "http://user:hush-2@inventory.internal/" };
  const body = { ...simpleBalancer("other", 9_001), discovery };
  const calls = [
    await tenant.call("POST", "/v1/balancers", { body }),
    await tenant.call("POST", "/v1/balancers?dryRun=true", { body }),
    await tenant.call("PUT", `/v1/balancers/${id}`, { body, headers: anyVersion }),
  ];
  for (const answer of calls) {
    expect(answer).toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            pointer: "/discovery/endpoint",
            code: "conflict",
            detail: expect.stringContaining("auth {username, password}"),
          },
        ],
      },
    });
    expect(JSON.stringify(answer)).not.toContain("hush-2");
  }
});

describe("a definition that was stored with secrets in plain text", () => {
  /** As versions before wrote it: a check's header, and a name and password in a URL. */
  async function legacy(tenant: TestTenant): Promise<string> {
    const discovery = { kind: "json", endpoint: "http://inventory.internal/" };
    const body = { ...checked, discovery };
    const { id } = await tenant.demand<Shown>("POST", "/v1/balancers", { body });
    const before = checkBalancer({
      ...body,
      discovery: { ...discovery, endpoint: "http://user:hush-3@inventory.internal/" },
      healthcheck: { kind: "http", headers: { "X-Key": "hush-4" } },
    });
    const text = JSON.stringify(before.ok ? before.value : before);
    await control.db.sql`
      UPDATE balancers SET definition = ${text}::text::jsonb WHERE tenant_id = ${tenant.id}`;
    await control.db.sql`UPDATE bodies SET body = ${text} WHERE tenant_id = ${tenant.id}`;
    return `/v1/balancers/${id}`;
  }

  test("is read with both hidden: alone, in the list, in a difference, and wherever it is asked about", async () => {
    const tenant = await signUp(control.url);
    const path = await legacy(tenant);
    const shown = await tenant.demand<Shown>("GET", path);
    expect(shown).toMatchObject({
      discovery: { endpoint: "http://***@inventory.internal/" },
      healthcheck: { headers: { "X-Key": "(hidden)" } },
    });
    const answers = [
      shown,
      await tenant.demand("GET", "/v1/balancers"),
      await tenant.demand("GET", "/v1/revisions/1/diff?from=0"),
      await tenant.demand("GET", `${path}/backends`),
      await tenant.demand("GET", `${path}/health`),
      await tenant.demand("GET", `${path}/plan`),
    ];
    expect(JSON.stringify(answers)).not.toMatch(/hush-[34]/);
  });

  test("keeps its header when what was shown is written back, sealed from then on", async () => {
    const tenant = await signUp(control.url);
    const path = await legacy(tenant);
    const shown = await tenant.demand<Shown>("GET", path);
    const masked = await tenant.call("PUT", path, { body: shown, headers: anyVersion });
    expect(masked).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: "/discovery/endpoint" }] },
    });
    const discovery = { kind: "static", backends: [] };
    const body = { ...shown, discovery };
    const written = await tenant.demand<Shown>("PUT", path, { body, headers: anyVersion });
    const reference = { secret: expect.stringMatching(/^sec_/) };
    expect(written.healthcheck.headers).toEqual({ "X-Key": reference });
    const made = { ...body, healthcheck: { kind: "http", headers: { "X-Other": "(hidden)" } } };
    expect(await tenant.call("PUT", path, { body: made, headers: anyVersion })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: "/healthcheck/headers/X-Other", code: "unknown-value" }] },
    });
  });

  test("can still have its managed backends changed", async () => {
    const tenant = await signUp(control.url);
    const path = await legacy(tenant);
    const body = { host: "10.0.0.9", port: 80 };
    const added = await tenant.call("POST", `${path}/backends`, { body });
    expect(added.status).toBe(201);
    expect(JSON.stringify(added)).not.toMatch(/hush-[34]/);
  });
});
