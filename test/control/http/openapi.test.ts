import { Validator } from "@seriousme/openapi-schema-validator";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { newAddress } from "../../support/new-address.ts";
import { eventRow, nodeRow, nodeStatusRow } from "../../support/node-rows.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";
import {
  otherTestCertificate,
  testCertificate,
  type TestCertificate,
} from "../../support/test-certificates.ts";

interface Answer {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name?: string; readonly in?: string }[];
  readonly responses: Readonly<Record<string, Answer>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, Answer>>;
    readonly schemas: Readonly<Record<string, object>>;
  };
}

let control: ControlUnderTest;
let document: Document;
const ajv = new Ajv2020({ strict: false, allErrors: true });
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
  document = (await (await fetch(`${control.url}/openapi.json`)).json()) as Document;
  addFormats.default(ajv);
  ajv.addSchema({ $id: "https://api.example/document", components: document.components });
});

function operations(): [method: string, path: string, operation: Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
      method.toUpperCase(),
      path,
      operation,
    ]),
  );
}

describe("the description", () => {
  test("is OpenAPI 3.1, by the specification's own schema", async () => {
    const result = await new Validator().validate({ ...document });
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document.openapi).toBe("3.1.0");
  });

  test("refers to nothing that it does not have", () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g);
    for (const [, reference = ""] of references) {
      const path = reference.slice(2).split("/");
      expect(reference).toMatch(/^#\//);
      expect(path.reduce<unknown>(partOf, document), reference).toBeDefined();
    }
  });

  test("has for every call a name, a summary, and the parameters of its path", () => {
    const names = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const [, path, { summary, parameters = [] }] of operations()) {
      expect(summary).not.toBe("");
      const declared = parameters.filter((parameter) => parameter.in === "path");
      expect(declared.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    }
  });

  test("knows every route but those of agents and of the description itself", () => {
    const described = new Set(
      operations().map(([method, path]) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
    );
    const served = control.app.routes
      .filter(({ method, path }) => method !== "ALL" && !path.startsWith("/docs"))
      .map(({ method, path }) => `${method} ${path}`);
    expect(new Set(served.filter((route) => route !== "GET /openapi.json"))).toEqual(described);
  });

  test("asks for a key everywhere but where there is none yet", () => {
    const open = operations().filter(([, , { security }]) => security === undefined);
    expect(open.map(([method, path]) => `${method} ${path}`).toSorted()).toEqual([
      "GET /healthz",
      "GET /readyz",
      "POST /v1/sessions",
      "POST /v1/signup",
    ]);
  });

  test("describes a balancer with all its kinds, and nothing beyond its keys", () => {
    const validate = validator({ $ref: "#/components/schemas/BalancerInput" });
    expect(validate(simpleBalancer("web"))).toBe(true);
    expect(validate({ ...simpleBalancer("web"), surprise: 1 })).toBe(false);
    const text = JSON.stringify(document.components.schemas);
    for (const kind of ["static", "srv", "docker", "json", "exec", "plaintext", "consul", "lxd"]) {
      expect(text).toContain(`"const":"${kind}"`);
    }
  });
});

describe("every call", () => {
  test("answers as it is described", async () => {
    const tenant = await signUp(control.url);
    const seen = new Set<string>();
    for (const call of await story(tenant)) seen.add(await answersAsDescribed(tenant, call));
    const all = operations().map(([, , { operationId }]) => operationId);
    expect(all.filter((name) => !seen.has(name))).toEqual([]);
  });

  test("answers problems as they are described", async () => {
    const tenant = await signUp(control.url);
    const validate = validator({ $ref: "#/components/schemas/Problem" });
    const answers = [
      await tenant.call("GET", "/v1/balancers?limit=x"),
      await tenant.call("POST", "/v1/balancers", { body: { name: 1 } }),
      await tenant.call("GET", "/nowhere"),
      await tenant.call("PATCH", "/v1/nodes"),
    ];
    for (const { body } of answers) {
      validate(body);
      expect(validate.errors ?? []).toEqual([]);
    }
  });
});

/** Makes the call and compares; gives the name of the operation. */
async function answersAsDescribed(tenant: TestTenant, call: StoryCall): Promise<string> {
  const template = call.template ?? call.path.split("?")[0] ?? "";
  const operation = document.paths[template]?.[call.method.toLowerCase()];
  if (operation === undefined) throw new Error(`${call.method} ${template} is not described`);
  const path = call.ids === undefined ? call.path : fill(call.path, call.ids());
  const answer = await tenant.call(call.method, path, {
    ...(call.body === undefined ? {} : { body: call.body }),
    headers: call.headers?.() ?? {},
  });
  call.heard?.(answer);
  const what = `${call.method} ${path} ${answer.status}`;
  expect(answer.status, what).toBeLessThan(300);
  const described = operation.responses[answer.status];
  expect(described, what).toBeDefined();
  const schema = schemaOf(described, answer.headers);
  if (schema !== undefined) {
    const validate = validator(schema);
    validate(answer.body);
    expect(validate.errors ?? [], what).toEqual([]);
  }
  return operation.operationId;
}

interface StoryCall {
  readonly method: string;
  readonly path: string;
  /** The path in the description when it is another. */
  readonly template?: string;
  readonly ids?: () => Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: () => Record<string, string>;
  readonly heard?: (answer: { readonly body: unknown; readonly headers: Headers }) => void;
}

/** One call of each kind, in an order in which all succeed. */
async function story(tenant: TestTenant): Promise<StoryCall[]> {
  const { sql } = control.db;
  const nodeId = await nodeRow(sql, tenant.id);
  await nodeStatusRow(sql, { tenantId: tenant.id, nodeId }, { running: 1, phase: "serving" });
  await eventRow(sql, { tenantId: tenant.id, nodeId }, { kind: "backend.up" });
  const known: Record<string, string> = { node: nodeId };
  const keep =
    (name: string): NonNullable<StoryCall["heard"]> =>
    ({ body, headers }) => {
      known[name] = (body as { id: string }).id;
      known["etag"] = headers.get("etag") ?? "";
    };
  const ids = () => known;
  const current = () => ({ "if-match": known["etag"] ?? "", prefer: "wait=0" });
  const account = { email: newAddress(), password: "long enough a password" };
  const [balancer, certificate, node, key, token] = [
    "/v1/balancers/{id}",
    "/v1/certificates/{id}",
    "/v1/nodes/{id}",
    "/v1/api-keys/{id}",
    "/v1/join-tokens/{id}",
  ];
  return [
    { method: "GET", path: "/healthz" },
    { method: "GET", path: "/readyz" },
    { method: "POST", path: "/v1/signup", body: { tenant: "Story", ...account } },
    { method: "POST", path: "/v1/sessions", body: account },
    { method: "GET", path: "/v1/me" },
    {
      method: "POST",
      path: "/v1/api-keys",
      body: { name: "k", scopes: ["read"] },
      heard: keep("key"),
    },
    { method: "GET", path: "/v1/api-keys" },
    { method: "DELETE", path: "/v1/api-keys/{key}", template: key, ids },
    { method: "POST", path: "/v1/join-tokens", heard: keep("token") },
    { method: "GET", path: "/v1/join-tokens" },
    { method: "DELETE", path: "/v1/join-tokens/{token}", template: token, ids },
    { method: "POST", path: "/v1/groups", body: { name: "edge" } },
    { method: "GET", path: "/v1/groups" },
    { method: "POST", path: "/v1/balancers?dryRun=true", body: simpleBalancer("web") },
    {
      method: "POST",
      path: "/v1/balancers",
      body: simpleBalancer("web"),
      headers: () => ({ prefer: "wait=0" }),
      heard: keep("balancer"),
    },
    { method: "GET", path: "/v1/balancers" },
    { method: "GET", path: "/v1/balancers/{balancer}", template: balancer, ids },
    {
      method: "PUT",
      path: "/v1/balancers/{balancer}",
      template: balancer,
      ids,
      headers: current,
      body: { ...simpleBalancer("web"), strategy: "iphash" },
      heard: keep("balancer"),
    },
    {
      method: "POST",
      path: "/v1/balancers/{balancer}/backends",
      template: `${balancer}/backends`,
      ids,
      body: { host: "10.0.0.7", port: 80, state: "draining", drainTimeout: "1m" },
    },
    {
      method: "PATCH",
      path: "/v1/balancers/{balancer}/backends/10.0.0.7:80",
      template: `${balancer}/backends/{backend}`,
      ids,
      headers: () => ({ "if-match": "*", prefer: "wait=0" }),
      body: { weight: 3, drainTimeout: null },
    },
    {
      method: "GET",
      path: "/v1/balancers/{balancer}/backends",
      template: `${balancer}/backends`,
      ids,
    },
    {
      method: "DELETE",
      path: "/v1/balancers/{balancer}/backends/10.0.0.7:80",
      template: `${balancer}/backends/{backend}`,
      ids,
      headers: () => ({ "if-match": "*" }),
    },
    { method: "GET", path: "/v1/balancers/{balancer}/plan", template: `${balancer}/plan`, ids },
    { method: "GET", path: "/v1/balancers/{balancer}/health", template: `${balancer}/health`, ids },
    { method: "GET", path: "/v1/balancers/{balancer}/stats", template: `${balancer}/stats`, ids },
    { method: "POST", path: "/v1/certificates?dryRun=true", body: pair(testCertificate) },
    {
      method: "POST",
      path: "/v1/certificates",
      body: pair(testCertificate),
      heard: keep("certificate"),
    },
    { method: "GET", path: "/v1/certificates" },
    { method: "GET", path: "/v1/certificates/{certificate}", template: certificate, ids },
    {
      method: "PUT",
      path: "/v1/certificates/{certificate}",
      template: certificate,
      ids,
      headers: () => ({ "if-match": "*", prefer: "wait=0" }),
      body: pair(otherTestCertificate),
    },
    {
      method: "DELETE",
      path: "/v1/certificates/{certificate}",
      template: certificate,
      ids,
      headers: () => ({ "if-match": "*" }),
    },
    { method: "GET", path: "/v1/metrics" },
    { method: "GET", path: "/v1/nodes" },
    { method: "GET", path: "/v1/nodes/{node}", template: node, ids },
    { method: "GET", path: "/v1/nodes/{node}/events", template: `${node}/events`, ids },
    { method: "GET", path: "/v1/events" },
    { method: "GET", path: "/v1/revisions" },
    { method: "GET", path: "/v1/revisions/2", template: "/v1/revisions/{rev}" },
    { method: "GET", path: "/v1/revisions/2/diff", template: "/v1/revisions/{rev}/diff" },
    {
      method: "POST",
      path: "/v1/revisions/1/rollback",
      template: "/v1/revisions/{rev}/rollback",
    },
    {
      method: "POST",
      path: "/v1/revisions/1/rollback",
      template: "/v1/revisions/{rev}/rollback",
    },
    {
      method: "DELETE",
      path: "/v1/balancers/{balancer}",
      template: balancer,
      ids,
      headers: () => ({ "if-match": "*", prefer: "wait=0" }),
    },
    { method: "DELETE", path: "/v1/nodes/{node}", template: node, ids },
    { method: "GET", path: "/v1/audit" },
  ];
}

function pair({ cert, key }: TestCertificate): object {
  return { name: "shop", certificate: cert, key };
}

function fill(path: string, ids: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? "?");
}

function schemaOf(answer: Answer | undefined, headers: Headers): object | undefined {
  const type = headers.get("content-type")?.split(";")[0] ?? "";
  return answer?.content?.[type]?.schema;
}

/** A validator of a schema that may refer to the document's components. */
function validator(schema: object) {
  const text = JSON.stringify(schema).replaceAll('"#/', '"https://api.example/document#/');
  return ajv.compile(JSON.parse(text) as object);
}

function partOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

describe("the page at /docs", () => {
  test("names files from here only, and its policy lets the browser load nothing else", async () => {
    const answer = await fetch(`${control.url}/docs`);
    expect(answer.status).toBe(200);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    const html = await answer.text();
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? "");
    expect(named).toHaveLength(4);
    for (const url of named) {
      expect(url).toMatch(/^\/docs\/[\w.-]+$/);
      const file = await fetch(control.url + url);
      expect(file.status).toBe(200);
      expect(file.headers.get("content-security-policy")).toBe(policy);
      expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(50);
    }
    expect(html).not.toMatch(/<script>|on\w+=/);
  });

  test("starts with the description from here, and asks no validator elsewhere", async () => {
    const script = await (await fetch(`${control.url}/docs/start.js`)).text();
    expect(script).toContain('url: "/openapi.json"');
    expect(script).toContain("validatorUrl: null");
    expect(script).not.toMatch(/https?:/);
  });

  test.for(["/docs/", "/docs/index.html", "/docs/..%2fpackage.json", "/docs/swagger-ui.js"])(
    "%s is not there",
    async (path) => {
      expect((await fetch(control.url + path)).status).toBe(404);
    },
  );
});
