import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type ApiAnswer, type TestTenant } from "../../support/tenant-api.ts";

interface Backend {
  readonly backend: string;
  readonly revision: number;
  readonly [key: string]: unknown;
}

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

let control: ControlUnderTest;
let tenant: TestTenant;
let path: string;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

/** A balancer without any source of backends, in a tenant of its own. */
async function balancer(): Promise<void> {
  tenant = await signUp(control.url);
  const body = { ...simpleBalancer("web"), discovery: { kind: "static", backends: [] } };
  const { id } = await tenant.demand<{ id: string }>("POST", "/v1/balancers", { body });
  path = `/v1/balancers/${id}`;
}

function added(body: object, headers = {}): Promise<ApiAnswer<Backend>> {
  return tenant.call<Backend>("POST", `${path}/backends`, { body, headers });
}

function changed(name: string, body: object, ifMatch = "*"): Promise<ApiAnswer<Backend>> {
  const headers = { "if-match": ifMatch };
  return tenant.call<Backend>("PATCH", `${path}/backends/${name}`, { body, headers });
}

function etagOf(answer: ApiAnswer<unknown>): string {
  return answer.headers.get("etag") ?? "";
}

describe("X-DSC-11 backends that are managed by the API alone", () => {
  test("one is added, changed, drained, cut and taken away, each a revision of its balancer", async () => {
    await balancer();
    const first = await added({ host: "10.0.0.5", port: 80, weight: 2 });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ backend: "10.0.0.5:80", revision: 2, weight: 2 });
    await added({ host: "fd00::5", port: 80 });

    const states = [
      { weight: 7, maxConnections: 5 },
      { state: "draining", drainTimeout: "90s" },
      { state: "cut" },
      { state: "enabled", weight: null },
    ];
    const answers: unknown[] = [];
    for (const patch of states) {
      const answer = await changed("10.0.0.5:80", patch);
      expect(answer.status).toBe(200);
      const { weight, state, drainTimeout, maxConnections } = answer.body;
      answers.push([answer.body.revision, weight, maxConnections, state, drainTimeout]);
    }
    expect(answers).toEqual([
      [4, 7, 5, undefined, undefined],
      [5, 7, 5, "draining", "90s"],
      [6, 7, 5, "cut", undefined],
      [7, undefined, 5, "enabled", undefined],
    ]);

    const gone = await tenant.call<Backend>("DELETE", `${path}/backends/[fd00::5]:80`, {
      headers: { "if-match": "*" },
    });
    expect([gone.status, gone.body]).toMatchObject([200, { backend: "[fd00::5]:80", revision: 8 }]);
    const list = await tenant.demand<{ items: Backend[] }>("GET", `${path}/backends`);
    expect(list.items).toEqual([
      {
        ...{ backend: "10.0.0.5:80", revision: 8, host: "10.0.0.5", port: 80 },
        ...{ maxConnections: 5, state: "enabled" },
      },
    ]);
  });

  test("they are part of the balancer: its answer has them, a rollback brings them back, the audit names the deed", async () => {
    await balancer();
    await added({ host: "10.0.0.5", port: 80 });
    await tenant.demand("DELETE", `${path}/backends/10.0.0.5:80`, { headers: { "if-match": "*" } });
    expect(await tenant.demand("GET", path)).toMatchObject({ managedBackends: [] });

    await tenant.demand("POST", "/v1/revisions/2/rollback");

    expect(await tenant.demand("GET", path)).toMatchObject({
      managedBackends: [{ host: "10.0.0.5", port: 80 }],
    });
    const { items } = await tenant.demand<{ items: { action: string }[] }>("GET", "/v1/audit");
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["backend.add", "backend.remove"]),
    );
  });

  test("If-Match names the balancer: 428 without it, 412 when it is stale, and a change gives the next one", async () => {
    await balancer();
    const first = await added({ host: "10.0.0.5", port: 80 });
    const second = await changed("10.0.0.5:80", { weight: 2 }, etagOf(first));
    expect(second.status).toBe(200);
    expect(etagOf(second)).toBe(etagOf(await tenant.call("GET", path)));
    expect(etagOf(await tenant.call("GET", `${path}/backends`))).toBe(etagOf(second));

    expect((await changed("10.0.0.5:80", { weight: 3 }, etagOf(first))).status).toBe(412);
    expect(
      (await added({ host: "10.0.0.6", port: 80 }, { "if-match": etagOf(first) })).status,
    ).toBe(412);
    for (const [method, body] of [
      ["PATCH", { weight: 3 }],
      ["DELETE", undefined],
    ] as const) {
      const answer = await tenant.call(method, `${path}/backends/10.0.0.5:80`, { body });
      expect(answer.status).toBe(428);
    }
  });

  test("an Idempotency-Key adds once, a dry run never", async () => {
    await balancer();
    const key = { "idempotency-key": "deploy-17" };
    const first = await added({ host: "10.0.0.5", port: 80 }, key);
    const again = await added({ host: "10.0.0.5", port: 80 }, key);
    expect([again.status, again.body.revision]).toEqual([201, first.body.revision]);

    const body = { host: "10.0.0.6", port: 80 };
    const dry = await tenant.call("POST", `${path}/backends?dryRun=true`, { body });
    expect([dry.status, dry.body]).toMatchObject([200, { dryRun: true, backend: "10.0.0.6:80" }]);
    const list = await tenant.demand<{ items: Backend[] }>("GET", `${path}/backends`);
    expect(list.items.map(({ backend }) => backend)).toEqual(["10.0.0.5:80"]);
  });

  test("a change that changes nothing makes no revision", async () => {
    await balancer();
    await added({ host: "10.0.0.5", port: 80, weight: 2 });
    expect((await changed("10.0.0.5:80", { weight: 2 })).body.revision).toBe(2);
    expect((await changed("10.0.0.5:80", {})).body.revision).toBe(2);
  });

  test("what is wrong is refused with every problem; one that is there, or is not, is told", async () => {
    await balancer();
    const wrong = await added({ host: "10.0.0.256", port: 0, wieght: 1 });
    expect(wrong.status).toBe(422);
    const { errors } = wrong.body as unknown as Problem;
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual(["/host", "/port", "/wieght"]);

    await added({ host: "10.0.0.5", port: 80 });
    expect((await added({ host: "10.0.0.5", port: 80 })).body).toMatchObject({
      code: "http/conflict",
    });
    expect((await changed("10.0.0.5:80", { host: "10.0.0.6" })).status).toBe(422);
    expect((await changed("10.0.0.5:80", { state: "gone" })).status).toBe(422);
    expect((await changed("10.0.0.9:80", { weight: 1 })).status).toBe(404);
    expect((await changed("nonsense", { weight: 1 })).status).toBe(404);
  });

  test("the list is in the order of names, in parts", async () => {
    await balancer();
    for (const port of [83, 81, 82]) {
      await added({ host: "10.0.0.5", port });
    }
    const page = await tenant.demand<{ items: Backend[]; nextCursor: string }>(
      "GET",
      `${path}/backends?limit=2`,
    );
    expect(page.items.map(({ backend }) => backend)).toEqual(["10.0.0.5:81", "10.0.0.5:82"]);
    const rest = await tenant.demand<{ items: Backend[]; nextCursor: null }>(
      "GET",
      `${path}/backends?limit=2&cursor=${page.nextCursor}`,
    );
    expect([rest.items.map(({ backend }) => backend), rest.nextCursor]).toEqual([
      ["10.0.0.5:83"],
      null,
    ]);
  });
});

test("a backend that is the balancer itself is refused, on POST and on PATCH, and so is what lacks its section", async () => {
  await balancer();
  const itself = { host: "127.0.0.1", port: 9_000 };
  const loops = {
    status: 422,
    body: {
      errors: [
        { pointer: "", code: "conflict", detail: expect.stringContaining("127.0.0.1:9000") },
      ],
    },
  };
  await added({ host: "10.0.0.5", port: 80 });
  expect(await added(itself)).toMatchObject(loops);
  expect(await added({ ...itself, alpn: ["h2"] })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: "/alpn", code: "conflict" }, { pointer: "" }] },
  });
  expect((await added({ ...itself, state: "disabled" })).status).toBe(201);
  expect(await changed("127.0.0.1:9000", { state: "enabled" })).toMatchObject(loops);
  expect(await changed("127.0.0.1:9000", { state: null })).toMatchObject(loops);
  expect((await changed("127.0.0.1:9000", { state: "enabled", override: true })).status).toBe(200);
  expect(await changed("127.0.0.1:9000", { override: null })).toMatchObject(loops);
});

test("what was stored before a rule stands in nobody's way, and is taken out of service or away", async () => {
  await balancer();
  const stored = [
    { host: "127.0.0.1", port: 9_000 },
    { host: "10.0.0.8", port: 80, drainTimeout: "1m" },
  ];
  await control.db.sql`
    UPDATE balancers SET definition = definition || ${JSON.stringify({ managedBackends: stored })}::text::jsonb
      WHERE tenant_id = ${tenant.id}`;

  expect((await added({ host: "10.0.0.7", port: 80 })).status).toBe(201);
  expect((await changed("127.0.0.1:9000", { weight: 2 })).status).toBe(422);
  expect((await changed("127.0.0.1:9000", { state: "cut" })).status).toBe(200);
  const path9000 = `${path}/backends/127.0.0.1:9000`;
  await tenant.demand("DELETE", path9000, { headers: { "if-match": "*" } });
  const weighted = await changed("10.0.0.8:80", { weight: 2 });
  expect([weighted.status, weighted.body["drainTimeout"]]).toEqual([200, undefined]);
});

test("a deadline of a drain without a drain is refused with its pointer, on POST and on PATCH", async () => {
  await balancer();
  const problem = {
    status: 422,
    body: { errors: [{ pointer: "/drainTimeout", code: "conflict" }] },
  };
  const body = { host: "10.0.0.7", port: 80 };
  expect(await added({ ...body, drainTimeout: "1m" })).toMatchObject(problem);
  expect(await added({ ...body, drainTimeout: "1m", state: "disabled" })).toMatchObject(problem);
  expect((await added({ ...body, drainTimeout: "1m", state: "draining" })).status).toBe(201);
  expect((await changed("10.0.0.7:80", { state: "enabled" })).status).toBe(200);
  expect(await changed("10.0.0.7:80", { drainTimeout: "1m" })).toMatchObject(problem);
  expect((await changed("10.0.0.7:80", { drainTimeout: null })).status).toBe(200);
});

test("a deadline of a drain that no timer can wait for is refused with its pointer, on POST and on PATCH", async () => {
  await balancer();
  const problem = {
    status: 422,
    body: { errors: [{ pointer: "/drainTimeout", code: "out-of-range" }] },
  };
  const terms = { state: "draining", drainTimeout: "577h" };
  expect(await added({ host: "10.0.0.7", port: 80, ...terms })).toMatchObject(problem);
  expect((await added({ host: "10.0.0.7", port: 80 })).status).toBe(201);
  expect(await changed("10.0.0.7:80", terms)).toMatchObject(problem);
});
