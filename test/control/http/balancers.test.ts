import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { nodeRow } from "../../support/node-rows.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type ApiAnswer, type TestTenant } from "../../support/tenant-api.ts";

interface Answer {
  readonly id: string;
  readonly revision: number;
  readonly name: string;
  readonly [key: string]: unknown;
}

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

let control: ControlUnderTest;
let tenant: TestTenant;

const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

async function newTenant(): Promise<TestTenant> {
  tenant = await signUp(control.url);
  return tenant;
}

async function created(body: unknown = simpleBalancer("web")): Promise<ApiAnswer<Answer>> {
  const answer = await tenant.call<Answer>("POST", "/v1/balancers", { body });
  expect(answer.status).toBe(201);
  return answer;
}

function etagOf(answer: ApiAnswer<unknown>): string {
  return answer.headers.get("etag") ?? "";
}

describe("POST /v1/balancers", () => {
  test("stores it with its defaults and answers 201 with id, revision, ETag and Location", async () => {
    await newTenant();
    const answer = await created();
    const { id, revision, ...definition } = answer.body;
    expect(id).toMatch(/^bal_/);
    expect(revision).toBe(1);
    expect(definition).toMatchObject({
      schema: 1,
      name: "web",
      group: "default",
      protocol: "tcp",
      strategy: "weight",
      drainTimeout: "30s",
      warnings: [{ pointer: "/group", code: "no-nodes" }],
    });
    expect(etagOf(answer)).toMatch(/^"1-[0-9a-f]{8}"$/);
    expect(answer.headers.get("location")).toBe(`/v1/balancers/${id}`);
    const { warnings: _, ...stored } = answer.body;
    expect((await tenant.call("GET", `/v1/balancers/${id}`)).body).toEqual(stored);
  });

  test("answers 422 with every problem and its pointer, and stores nothing", async () => {
    await newTenant();
    const answer = await tenant.call<Problem>("POST", "/v1/balancers", {
      body: {
        name: "Not A Name",
        bind: ["127.0.0.1:99999"],
        protocol: "sctp",
        discovery: { kind: "telepathy", backends: [] },
        healthcheck: { kind: "ping", interval: "soon" },
        limits: { maxConnections: -1 },
        surprise: true,
        "a/b~c": 1,
      },
    });
    expect(answer.status).toBe(422);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body.code).toBe("http/invalid");
    const pointers = answer.body.errors.map(({ pointer }) => pointer);
    expect(new Set(pointers)).toEqual(
      new Set([
        "/name",
        "/bind/0",
        "/protocol",
        "/discovery/kind",
        "/healthcheck/interval",
        "/limits/maxConnections",
        "/surprise",
        "/a~1b~0c",
      ]),
    );
    expect(pointers).toHaveLength(8);
    expect(answer.body.errors.find(({ pointer }) => pointer === "/discovery/kind")?.code).toBe(
      "unknown-kind",
    );
    expect((await tenant.demand<{ items: unknown[] }>("GET", "/v1/balancers")).items).toEqual([]);
    expect((await tenant.demand<{ items: unknown[] }>("GET", "/v1/revisions")).items).toEqual([]);
  });

  test.for([[null], [[]], ["text"], [7], [{}]])("%j is 422", async ([body]) => {
    await newTenant();
    const answer = await tenant.call<Problem>("POST", "/v1/balancers", { body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.length).toBeGreaterThan(0);
  });

  test("a name that is taken is 409 and points at it", async () => {
    await newTenant();
    await created();
    const again = await tenant.call<Problem>("POST", "/v1/balancers", {
      body: simpleBalancer("web", 9_001),
    });
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: "http/name-taken", errors: [{ pointer: "/name" }] });
  });

  test("an address that another balancer of the group has is 422", async () => {
    await newTenant();
    await created();
    const clash = await tenant.call<Problem>("POST", "/v1/balancers", {
      body: simpleBalancer("other"),
    });
    expect(clash.status).toBe(422);
    expect(clash.body.errors).toMatchObject([{ pointer: "/bind/0", code: "conflict" }]);
  });

  test("a group that is not there is 422", async () => {
    await newTenant();
    const answer = await tenant.call<Problem>("POST", "/v1/balancers", {
      body: { ...simpleBalancer("web"), group: "elsewhere" },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toMatchObject([{ pointer: "/group" }]);
  });

  test("what no node of the group can run is 422 and names what they lack", async () => {
    await newTenant();
    await nodeRow(control.db.sql, tenant.id, { capabilities: ["protocol:tcp", "bind:address"] });
    const answer = await tenant.call<Problem>("POST", "/v1/balancers", {
      body: { ...simpleBalancer("web"), strategy: "leastconn" },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toContainEqual({
      pointer: "/strategy",
      code: "unsupported",
      detail: expect.any(String),
    });
  });

  test("?dryRun=true answers what would be stored and stores nothing", async () => {
    await newTenant();
    const call = { body: simpleBalancer("web") };
    const dry = await tenant.call<Answer>("POST", "/v1/balancers?dryRun=true", call);
    expect(dry.status).toBe(200);
    expect(dry.body).toMatchObject({ dryRun: true, name: "web", strategy: "weight" });
    expect(dry.headers.has("location")).toBe(false);
    expect((await tenant.demand<{ items: unknown[] }>("GET", "/v1/balancers")).items).toEqual([]);
    const wrong = await tenant.call("POST", "/v1/balancers?dryRun=true", { body: {} });
    expect(wrong.status).toBe(422);
    const unclear = await tenant.call("POST", "/v1/balancers?dryRun=yes", call);
    expect(unclear.status).toBe(400);
    const mistyped = await tenant.call("POST", "/v1/balancers?dryrun=true", call);
    expect(mistyped.status).toBe(400);
  });

  test("secrets are stored as references and never leave again", async () => {
    await newTenant();
    const answer = await created({
      ...simpleBalancer("web"),
      discovery: {
        kind: "consul",
        host: "127.0.0.1:8500",
        serviceName: "web",
        aclToken: "hunter2-token",
      },
    });
    expect(JSON.stringify(answer.body)).not.toContain("hunter2-token");
    expect(answer.body).toMatchObject({
      discovery: { aclToken: { secret: expect.stringMatching(/^sec_/) } },
    });
    const path = `/v1/balancers/${answer.body.id}`;
    const kept = await tenant.call<Answer>("PUT", path, {
      body: answer.body,
      headers: { "if-match": etagOf(answer) },
    });
    expect(kept.status).toBe(200);
    expect(kept.body["discovery"]).toEqual(answer.body["discovery"]);
    for (const read of [path, "/v1/revisions/1/diff", "/v1/revisions/1", "/v1/audit"]) {
      const text = JSON.stringify((await tenant.call("GET", read)).body);
      expect(text).not.toContain("hunter2-token");
    }
    expect(JSON.stringify(control.log.lines)).not.toContain("hunter2-token");
  });
});

describe("GET /v1/balancers", () => {
  test("is a list in parts, oldest first, each balancer once", async () => {
    await newTenant();
    const names = ["one", "two", "three", "four", "five"];
    for (const [index, name] of names.entries()) await created(simpleBalancer(name, 9_000 + index));
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: { items: Answer[]; nextCursor: string | null } = await tenant.demand(
        "GET",
        `/v1/balancers?limit=2${query}`,
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(names);
  });

  test("can be of one group", async () => {
    await newTenant();
    await tenant.demand("POST", "/v1/groups", { body: { name: "edge" } });
    await created(simpleBalancer("here"));
    await created({ ...simpleBalancer("there"), group: "edge" });
    const page = await tenant.demand<{ items: Answer[] }>("GET", "/v1/balancers?group=edge");
    expect(page.items.map(({ name }) => name)).toEqual(["there"]);
  });
});

describe("GET /v1/balancers/{id}", () => {
  test("answers 304 while If-None-Match names what there is", async () => {
    await newTenant();
    const { id } = (await created()).body;
    const path = `/v1/balancers/${id}`;
    const etag = etagOf(await tenant.call("GET", path));
    const same = await tenant.call("GET", path, { headers: { "if-none-match": etag } });
    expect(same.status).toBe(304);
    expect(same.headers.get("etag")).toBe(etag);
    const other = await tenant.call("GET", path, { headers: { "if-none-match": '"0-00000000"' } });
    expect(other.status).toBe(200);
  });

  test.for(["bal_01m82za364yt49jcawxdj1b054", "bal_x", "nod_01m82za364yt49jcawxdj1b054", "%00"])(
    "%s is 404",
    async (id) => {
      await newTenant();
      const answer = await tenant.call<Problem>("GET", `/v1/balancers/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.body.code).toBe("http/not-found");
    },
  );
});

describe("PUT /v1/balancers/{id}", () => {
  async function changeable(): Promise<{ path: string; etag: string; body: Answer }> {
    await newTenant();
    const answer = await created();
    return { path: `/v1/balancers/${answer.body.id}`, etag: etagOf(answer), body: answer.body };
  }

  test("replaces the definition: a new revision and a new ETag", async () => {
    const { path, etag } = await changeable();
    const body = { ...simpleBalancer("web"), strategy: "roundrobin" };
    const answer = await tenant.call<Answer>("PUT", path, { body, headers: { "if-match": etag } });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ revision: 2, strategy: "roundrobin" });
    expect(etagOf(answer)).toMatch(/^"2-[0-9a-f]{8}"$/);
    expect(etagOf(await tenant.call("GET", path))).toBe(etagOf(answer));
  });

  test("without If-Match it is 428 and changes nothing", async () => {
    const { path, etag } = await changeable();
    const answer = await tenant.call<Problem>("PUT", path, { body: simpleBalancer("new") });
    expect(answer.status).toBe(428);
    expect(answer.body.code).toBe("http/if-match-required");
    expect(etagOf(await tenant.call("GET", path))).toBe(etag);
  });

  test.for(['"1-00000000"', '"7-3f8a2c91"', '"nonsense"', 'W/"1-00000000"'])(
    "with If-Match: %s it is 412 and says the current ETag",
    async (ifMatch) => {
      const { path, etag } = await changeable();
      const answer = await tenant.call<Problem & { detail: string }>("PUT", path, {
        body: simpleBalancer("new"),
        headers: { "if-match": ifMatch },
      });
      expect(answer.status).toBe(412);
      expect(answer.body.code).toBe("http/stale");
      expect(answer.body.detail).toContain(etag);
      expect(etagOf(answer)).toBe(etag);
    },
  );

  test("with If-Match: * it takes whatever there is", async () => {
    const { path } = await changeable();
    const answer = await tenant.call("PUT", path, {
      body: simpleBalancer("new"),
      headers: { "if-match": "*" },
    });
    expect(answer.status).toBe(200);
  });

  test("an answer can be changed and sent back as it is", async () => {
    const { path, etag, body } = await changeable();
    const answer = await tenant.call<Answer>("PUT", path, {
      body: { ...body, strategy: "leastconn" },
      headers: { "if-match": etag },
    });
    expect(answer.status).toBe(200);
    expect(answer.body["strategy"]).toBe("leastconn");
  });

  test("the body of another balancer is refused", async () => {
    const { path, etag, body } = await changeable();
    const answer = await tenant.call<Problem>("PUT", path, {
      body: { ...body, id: "bal_01m82za364yt49jcawxdj1b054" },
      headers: { "if-match": etag },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toMatchObject([{ pointer: "/id" }]);
  });

  test("what changes nothing makes no revision", async () => {
    const { path, etag } = await changeable();
    const answer = await tenant.call<Answer>("PUT", path, {
      body: simpleBalancer("web"),
      headers: { "if-match": etag },
    });
    expect(answer.status).toBe(200);
    expect(etagOf(answer)).toBe(etag);
    expect(answer.body.revision).toBe(1);
  });

  test("what is wrong is 422 and changes nothing", async () => {
    const { path, etag } = await changeable();
    const answer = await tenant.call<Problem>("PUT", path, {
      body: { ...simpleBalancer("web"), strategy: "dice", limits: { maxConnections: "many" } },
      headers: { "if-match": etag },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual([
      "/strategy",
      "/limits/maxConnections",
    ]);
    expect(etagOf(await tenant.call("GET", path))).toBe(etag);
  });

  test("?dryRun=true checks and changes nothing", async () => {
    const { path, etag } = await changeable();
    const answer = await tenant.call<Answer>("PUT", `${path}?dryRun=true`, {
      body: { ...simpleBalancer("web"), strategy: "iphash" },
      headers: { "if-match": etag },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ dryRun: true, strategy: "iphash" });
    expect(etagOf(await tenant.call("GET", path))).toBe(etag);
  });

  test("of 100 at the same time with one ETag one succeeds and 99 are 412", async () => {
    const { path, etag } = await changeable();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        tenant.call<Answer>("PUT", path, {
          body: { ...simpleBalancer("web"), limits: { maxConnections: index + 1 } },
          headers: { "if-match": etag },
        }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(99);
    const winner = answers.find(({ status }) => status === 200);
    const stored = await tenant.call<Answer>("GET", path);
    expect(stored.body["limits"]).toEqual(winner?.body["limits"]);
    expect(stored.body.revision).toBe(2);
  });
});

describe("DELETE /v1/balancers/{id}", () => {
  test("removes it with the right ETag: a new revision, then 404", async () => {
    await newTenant();
    const answer = await created();
    const path = `/v1/balancers/${answer.body.id}`;
    expect((await tenant.call("DELETE", path)).status).toBe(428);
    const stale = await tenant.call("DELETE", path, { headers: { "if-match": '"1-00000000"' } });
    expect(stale.status).toBe(412);
    const headers = { "if-match": etagOf(answer) };
    const dry = await tenant.call("DELETE", `${path}?dryRun=true`, { headers });
    expect(dry.body).toEqual({ id: answer.body.id, revision: 2, dryRun: true });
    expect((await tenant.call("GET", path)).status).toBe(200);
    const removed = await tenant.call("DELETE", path, { headers });
    expect(removed.status).toBe(200);
    expect(removed.body).toEqual({ id: answer.body.id, revision: 2 });
    expect((await tenant.call("GET", path)).status).toBe(404);
    expect((await tenant.call("DELETE", path, { headers })).status).toBe(404);
  });

  test("of most of a group is 409 until it is confirmed, with a dry run too", async () => {
    await newTenant();
    const paths: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      const body = { ...simpleBalancer(`web-${n}`), bind: [`127.0.0.1:${11_000 + n}`] };
      paths.push(`/v1/balancers/${(await created(body)).body.id}`);
    }
    const headers = { "if-match": "*" };
    for (const path of paths.slice(0, 4)) {
      expect((await tenant.call("DELETE", path, { headers })).status).toBe(200);
    }
    const [path = ""] = paths.slice(4);
    for (const query of ["", "?dryRun=true"]) {
      const refused = await tenant.call<Problem>("DELETE", `${path}${query}`, { headers });
      expect(refused).toMatchObject({ status: 409, body: { code: "http/confirmation-required" } });
    }
    expect((await tenant.call("GET", path)).status).toBe(200);
    const unknown = await tenant.call("DELETE", `${path}?confirm=yes`, { headers });
    expect(unknown.status).toBe(400);
    const confirmed = await tenant.call("DELETE", `${path}?confirm=shrink`, { headers });
    expect(confirmed.status).toBe(200);
  });
});

describe("Prefer: wait", () => {
  test("without nodes it answers at once, with an empty receipt", async () => {
    await newTenant();
    const answer = await tenant.call<Answer>("POST", "/v1/balancers", {
      body: simpleBalancer("web"),
      headers: { prefer: "wait=30" },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("preference-applied")).toBe("wait=30");
    expect(answer.body["receipt"]).toMatchObject({ nodes: { expected: 0 }, stragglers: [] });
  });
});
