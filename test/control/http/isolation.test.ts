import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import { anyId } from "../../support/tenant-rows.ts";
import { testCertificate } from "../../support/test-certificates.ts";

/** Every call in a tenant's name × (no key, a wrong key, another tenant's key). */

interface Operation {
  readonly security?: readonly unknown[];
}

const { cert, key: certificateKey } = testCertificate;
const certificateBody = { name: "web", certificate: cert, key: certificateKey };

let control: ControlUnderTest;
let owner: TestTenant;
let stranger: TestTenant;
const ids: Record<string, string> = {};
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
  owner = await signUp(control.url);
  stranger = await signUp(control.url);
  const balancer = await owner.demand<{ id: string }>("POST", "/v1/balancers", {
    body: simpleBalancer("web"),
  });
  const key = await owner.demand<{ id: string }>("POST", "/v1/api-keys", {
    body: { name: "other", scopes: ["read"] },
  });
  const token = await owner.demand<{ id: string }>("POST", "/v1/join-tokens");
  const node = anyId("nod");
  const [group] = await control.db.sql<{ id: string }[]>`
    SELECT id FROM groups WHERE tenant_id = ${owner.id}`;
  await control.db.sql`
    INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent)
    VALUES (${owner.id}, ${node}, ${group?.id ?? ""}, 'host', 'a', 'b', 'test')`;
  const certificate = await owner.demand<{ id: string }>("POST", "/v1/certificates", {
    body: certificateBody,
  });
  Object.assign(ids, {
    balancers: balancer.id,
    certificates: certificate.id,
    "api-keys": key.id,
    "join-tokens": token.id,
    nodes: node,
    revisions: "1",
  });
});

/** The calls that need a key, as the description has them, with the owner's ids in their paths. */
async function securedCalls(): Promise<{ method: string; path: string; named: boolean }[]> {
  const document = (await (await fetch(`${control.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security !== undefined)
      .map(([method]) => ({
        method: method.toUpperCase(),
        path: template
          .replace(/\{.*?\}/, ids[template.split("/")[2] ?? ""] ?? "?")
          .replace("{backend}", "10.0.0.5:80"),
        named: template.includes("{"),
      })),
  );
}

function bodyOf(method: string, path: string): { body?: unknown } {
  if (method === "PATCH") return { body: { state: "cut" } };
  if (method !== "POST" && method !== "PUT") return {};
  if (path.endsWith("/backends")) return { body: { host: "10.0.0.5", port: 80 } };
  if (path.startsWith("/v1/certificates")) return { body: certificateBody };
  return { body: path.startsWith("/v1/balancers") ? simpleBalancer("theirs", 9_002) : {} };
}

test("the description knows them all", async () => {
  const calls = await securedCalls();
  expect(calls.length).toBeGreaterThanOrEqual(24);
  expect(calls.filter(({ path }) => path.includes("?"))).toEqual([]);
});

describe("without a key, and with a wrong one", () => {
  test.for([
    ["none", undefined],
    ["an unknown one", `Bearer msk_${"A".repeat(43)}`],
    ["one with something after it", "Bearer msk_x y"],
    ["an empty one", "Bearer "],
    ["another scheme", "Basic dXNlcjpwYXNz"],
    ["a node's", "Midstream-Node node=nod_x"],
    ["a long one", `Bearer ${"A".repeat(4_000)}`],
  ] as const)("(%s) every call is 401 and says how to authenticate", async ([, authorization]) => {
    for (const { method, path } of await securedCalls()) {
      const { body } = bodyOf(method, path);
      const answer = await fetch(control.url + path, {
        method,
        headers: {
          "content-type": "application/json",
          "if-match": "*",
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 401`);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer realm="midstream"/);
      expect(await answer.json()).toMatchObject({ code: "http/unauthenticated" });
    }
  });
});

describe("another tenant", () => {
  test("finds none of the owner's things: every call that names one is 404", async () => {
    for (const { method, path } of (await securedCalls()).filter(({ named }) => named)) {
      const call = { headers: { "if-match": "*" }, ...bodyOf(method, path) };
      const answer = await stranger.call<{ code: string }>(method, path, call);
      expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 404`);
      expect(answer.body.code).toBe("http/not-found");
    }
  });

  test("sees none of them in any list, in the metrics or in the audit", async () => {
    for (const noun of ["balancers", "certificates", "nodes", "revisions"]) {
      expect((await stranger.call("GET", `/v1/${noun}`)).body).toEqual({
        items: [],
        nextCursor: null,
      });
    }
    for (const path of ["/v1/metrics", "/v1/audit", "/v1/api-keys", "/v1/join-tokens"]) {
      const text = JSON.stringify((await stranger.call("GET", path)).body);
      expect(text).not.toContain(owner.id);
      for (const id of Object.values(ids).filter((value) => value.includes("_"))) {
        expect(text).not.toContain(id);
      }
    }
  });

  test("changed nothing", async () => {
    for (const [noun, id] of Object.entries(ids)) {
      if (noun === "api-keys" || noun === "join-tokens") continue;
      expect((await owner.call("GET", `/v1/${noun}/${id}`)).status).toBe(200);
    }
    const keys = await owner.demand<{ items: { revokedAt: null }[] }>("GET", "/v1/api-keys");
    expect(keys.items.map(({ revokedAt }) => revokedAt)).toEqual([null, null]);
    const tokens = await owner.demand<{ items: { revokedAt: null }[] }>("GET", "/v1/join-tokens");
    expect(tokens.items.map(({ revokedAt }) => revokedAt)).toEqual([null]);
  });
});
