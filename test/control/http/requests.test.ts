import { randomUUID } from "node:crypto";

import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { rawHttp } from "../../support/raw-http.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";

/** What every request meets, whatever it asks for. */

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

let control: ControlUnderTest;
let tenant: TestTenant;

const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
  tenant = await signUp(control.url);
});

/** Headers without and with a key. */
function bothWays(): Record<string, string>[] {
  return [{}, { authorization: `Bearer ${tenant.key}` }];
}

async function problemOf(answer: Response): Promise<Problem> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  return (await answer.json()) as Problem;
}

describe("a problem", () => {
  test("has all of RFC 9457, a stable code, and the request's id", async () => {
    const answer = await fetch(`${control.url}/v1/nowhere`, {
      headers: { "x-request-id": "my-request.1" },
    });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("x-request-id")).toBe("my-request.1");
    expect(await problemOf(answer)).toEqual({
      type: "urn:midstream:problem:http:unknown-route",
      title: "There is nothing at this path",
      status: 404,
      code: "http/unknown-route",
      detail: "There is nothing at this path",
      requestId: "my-request.1",
      errors: [],
    });
  });
});

describe("the request id", () => {
  test.for(["x".repeat(65), "two words", "a\u00e9", ""])("%j is not taken over", async (id) => {
    const answer = await fetch(`${control.url}/healthz`, { headers: { "x-request-id": id } });
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("stands in the request's one log line, with route and tenant, without query or secrets", async () => {
    const id = randomUUID();
    await tenant.call("GET", "/v1/balancers?limit=7", { headers: { "x-request-id": id } });
    const lines = await eventually(() => {
      const found = control.log.lines.filter(({ fields }) => fields["request"] === id);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(lines[0]).toMatchObject({
      level: "info",
      event: "http.request",
      fields: {
        method: "GET",
        route: "/v1/balancers",
        status: 200,
        tenant: tenant.id,
        key: expect.stringMatching(/^key_/),
        address: "127.0.0.1",
        ms: expect.any(Number),
        bytesOut: expect.any(Number),
      },
    });
    expect(JSON.stringify(control.log.lines)).not.toContain(tenant.key);
    expect(JSON.stringify(lines)).not.toContain("limit");
  });
});

describe("methods", () => {
  test.for([
    ["PATCH", "/v1/balancers", "GET, HEAD, OPTIONS, POST"],
    ["DELETE", "/v1/balancers", "GET, HEAD, OPTIONS, POST"],
    ["POST", "/v1/balancers/bal_01m82za364yt49jcawxdj1b054", "DELETE, GET, HEAD, OPTIONS, PUT"],
    ["GET", "/v1/signup", "OPTIONS, POST"],
    ["HEAD", "/v1/signup", "OPTIONS, POST"],
    ["POST", "/healthz", "GET, HEAD, OPTIONS"],
    ["PUT", "/openapi.json", "GET, HEAD, OPTIONS"],
    ["QUERY", "/v1/nodes", "GET, HEAD, OPTIONS"],
  ] as const)(
    "%s %s is 405 with Allow: %s, with or without a key",
    async ([method, path, allow]) => {
      for (const headers of bothWays()) {
        const answer = await fetch(control.url + path, { method, headers });
        expect(answer.status).toBe(405);
        expect(answer.headers.get("allow")).toBe(allow);
        if (method === "HEAD") continue;
        expect((await problemOf(answer)).code).toBe("http/method-not-allowed");
      }
    },
  );

  test("OPTIONS says what a path knows, and 404 where there is none", async () => {
    const answer = await fetch(`${control.url}/v1/nodes`, { method: "OPTIONS" });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    const nowhere = await fetch(`${control.url}/nowhere`, { method: "OPTIONS" });
    expect(nowhere.status).toBe(404);
  });

  test("HEAD answers what GET does, without the body", async () => {
    const answer = await fetch(`${control.url}/openapi.json`, { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.text()).toBe("");
  });
});

describe("paths", () => {
  test.for([
    "/",
    "/v1",
    "/v1/",
    "/v1/balancer",
    "/v1/balancers/",
    "/v2/balancers",
    "/V1/balancers",
  ])("%s is 404, with or without a key", async (path) => {
    for (const headers of [{}, { authorization: `Bearer ${tenant.key}` }]) {
      const answer = await fetch(control.url + path, { headers });
      expect(answer.status).toBe(404);
      expect((await problemOf(answer)).code).toBe("http/unknown-route");
    }
  });
});

describe("bodies", () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
    fetch(`${control.url}/v1/balancers`, {
      method: "POST",
      headers: { authorization: `Bearer ${tenant.key}`, ...headers },
      body,
    });
  const json = { "content-type": "application/json" };

  test.for([
    ["text/plain"],
    ["application/x-www-form-urlencoded"],
    ["application/jsonp"],
    ["application/json; charset=latin1"],
    [""],
  ] as const)("of type %j are 415", async ([type]) => {
    const answer = await post(new TextEncoder().encode("{}"), { "content-type": type });
    expect(answer.status).toBe(415);
    expect((await problemOf(answer)).code).toBe("http/unsupported-media-type");
  });

  test("that are compressed are 415: nothing is ever unpacked", async () => {
    const answer = await post("{}", { ...json, "content-encoding": "gzip" });
    expect(answer.status).toBe(415);
  });

  test.for([["{"], ["{'a':1}"], [""], ["\u0000"], ["[1,]"], ["NaN"]] as const)(
    "%j is 400: not JSON",
    async ([text]) => {
      const answer = await post(text, json);
      expect(answer.status).toBe(400);
      expect((await problemOf(answer)).code).toBe("http/body-not-json");
    },
  );

  test("that are not UTF-8 are 400", async () => {
    const answer = await post(Uint8Array.of(0x22, 0xff, 0x22), json);
    expect(answer.status).toBe(400);
  });

  test("of 256 KB are read, one byte more is 413", async () => {
    const sized = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    expect((await post(sized(256 * 1024), json)).status).toBe(422);
    const answer = await post(sized(256 * 1024 + 1), json);
    expect(answer.status).toBe(413);
    expect((await problemOf(answer)).code).toBe("http/body-too-large");
  });

  test("without a length are cut at the limit: 413", async () => {
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const head = [
      "POST /v1/balancers HTTP/1.1",
      "Host: localhost",
      `Authorization: Bearer ${tenant.key}`,
      "Content-Type: application/json",
      "Transfer-Encoding: chunked",
      "",
      "",
    ].join("\r\n");
    const answer = await rawHttp(control.port, `${head}${chunk.repeat(5)}`);
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "http/body-too-large" });
  });

  test("nested deeper than any definition are refused as what they are, and nothing falls over", async () => {
    const depth = 100_000;
    const answer = await post(`${"[".repeat(depth)}${"]".repeat(depth)}`, json);
    expect(answer.status).toBe(422);
    const members = await post(`${'{"a":'.repeat(40_000)}1${"}".repeat(40_000)}`, json);
    expect(members.status).toBe(422);
  });
});

describe("queries", () => {
  test.for([
    ["/v1/balancers?limit=0", "/limit"],
    ["/v1/balancers?limit=201", "/limit"],
    ["/v1/balancers?limit=ten", "/limit"],
    ["/v1/balancers?limit=", "/limit"],
    ["/v1/nodes?limt=5", "/limt"],
    ["/v1/balancers?cursor=", "/cursor"],
    ["/v1/revisions/1/diff?from=-1", "/from"],
  ] as const)("%s is 400 and points at %s", async ([path, pointer]) => {
    const answer = await tenant.call<Problem>("GET", path);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("http/bad-query");
    expect(answer.body.errors.map((error) => error.pointer)).toEqual([pointer]);
  });

  test.for(["balancers", "nodes", "groups", "revisions", "api-keys", "join-tokens", "audit"])(
    "a cursor that the list of %s did not make is 400",
    async (noun) => {
      for (const cursor of ["nonsense", "bm9kZXMgbm9kXzAx", "%00"]) {
        const answer = await tenant.call<Problem>("GET", `/v1/${noun}?cursor=${cursor}`);
        expect(answer.status).toBe(400);
        expect(answer.body.code).toBe("http/bad-cursor");
      }
    },
  );
});

describe("what is no HTTP", () => {
  test("is 400 as a problem, and the connection closes", async () => {
    const answer = await rawHttp(control.port, "HELLO\r\n\r\n");
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: "http/bad-request" });
  });

  test("headers beyond their limit are 431", async () => {
    const request = `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${"x".repeat(17_000)}\r\n\r\n`;
    const answer = await rawHttp(control.port, request);
    expect(answer.status).toBe(431);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "http/headers-too-large" });
  });

  test("a Host that makes no URL is 400", async () => {
    const request = "GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n";
    const answer = await rawHttp(control.port, request);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "http/bad-request" });
  });

  test("an upgrade that is not the link's is an ordinary request", async () => {
    const upgrade = "Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n";
    const answer = await rawHttp(control.port, `GET /nowhere HTTP/1.1\r\nHost: a\r\n${upgrade}`);
    expect(answer.status).toBe(404);
  });

  test("the process serves on", async () => {
    expect((await fetch(`${control.url}/healthz`)).status).toBe(200);
  });
});

test("answers are kept by nobody, sniffed by nobody and framed by nobody", async () => {
  const { headers } = await tenant.call("GET", "/v1/me");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.has("x-powered-by")).toBe(false);
});

test("readyz says what holds", async () => {
  const answer = await fetch(`${control.url}/readyz`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: "ready", checks: { database: true } });
});
