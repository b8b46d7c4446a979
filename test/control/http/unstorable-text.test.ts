import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { nodeRow } from "../../support/node-rows.ts";
import { rawHttp } from "../../support/raw-http.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type ApiAnswer, type TestTenant } from "../../support/tenant-api.ts";
import { testCertificate } from "../../support/test-certificates.ts";

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: "path" | "query" | "header";
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: { $ref: string } } };
  };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>> };
}

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string }[];
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

let control: ControlUnderTest;
let document: Document;
let tenant: TestTenant;
let balancer: string;
let certificate: string;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
  document = (await (await fetch(`${control.url}/openapi.json`)).json()) as Document;
  tenant = await signUp(control.url);
  await nodeRow(control.db.sql, tenant.id);
  balancer = await made("balancers", simpleBalancer("there"));
  certificate = await made("certificates", { name: "there", certificate: cert, key });
});

async function made(noun: string, body: object): Promise<string> {
  return (await tenant.demand<{ id: string }>("POST", `/v1/${noun}`, { body })).id;
}

function calls(): readonly Call[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ method: method.toUpperCase(), path, operation },
    })),
  );
}

const { cert, key } = testCertificate;

/** A body that is right, for every schema that a call takes: each of its texts is spoilt in turn. */
const bodies: Readonly<Record<string, object>> = {
  SignUp: { tenant: "Odd", email: "odd@example.com", password: "long enough a password" },
  LogIn: { email: "odd@example.com", password: "long enough a password", tenant: "ten_1" },
  ApiKeyInput: { name: "odd", scopes: ["read"], ttl: "1h" },
  JoinTokenInput: { group: "default", uses: 1, ttl: "1h" },
  GroupInput: { name: "odd" },
  BalancerInput: {
    ...simpleBalancer("odd"),
    healthcheck: { kind: "probe", send: "a", receive: "b", strategy: "starts_with" },
    tls: { certificates: [{ files: { certificate: "/a", key: "/b" } }] },
    access: { default: "allow", rules: ["deny 10.0.0.1"] },
  },
  ManagedBackendInput: { host: "10.0.0.9", port: 80, sni: "odd", drainTimeout: "1s" },
  ManagedBackendPatch: { sni: "odd", state: "enabled", drainTimeout: "1s" },
  CertificateInput: { name: "odd", certificate: cert, key, passphrase: "odd" },
  CertificateRenewal: { name: "odd", certificate: cert, key, passphrase: "odd" },
};

/** What Postgres refuses, or would store as something else. */
const oddTexts = ["\u0000", "a\u0000b", "\ud800", "b\udc00"];

interface Spoilt {
  readonly pointer: string;
  readonly body: unknown;
}

/** The value with one text, or one key, spoilt: as many as there are. */
function spoilt(value: unknown, odd: string, pointer = ""): readonly Spoilt[] {
  if (typeof value === "string") return [{ pointer, body: odd }];
  if (typeof value !== "object" || value === null) return [];
  const parts = Object.entries(value).flatMap(([key, inner]) =>
    spoilt(inner, odd, `${pointer}/${key}`).map((one) => ({
      pointer: one.pointer,
      body: Array.isArray(value)
        ? value.map((item: unknown, index) => (String(index) === key ? one.body : item))
        : { ...value, [key]: one.body },
    })),
  );
  const named = { pointer: `${pointer}/${odd}`, body: { ...value, [odd]: 1 } };
  return Array.isArray(value) ? parts : [...parts, named];
}

function parametersOf({ operation }: Call, where: Parameter["in"]): readonly Parameter[] {
  return (operation.parameters ?? [])
    .map((parameter) => document.components.parameters[nameIn(parameter.$ref)] ?? parameter)
    .filter((parameter) => parameter.in === where);
}

function nameIn(reference: string | undefined): string {
  return reference?.split("/").at(-1) ?? "";
}

/** Right as far as it is not the point. */
function filled(path: string): string {
  return path
    .replace("balancers/{id}", `balancers/${balancer}`)
    .replace("certificates/{id}", `certificates/${certificate}`)
    .replace("{rev}", "1")
    .replace("{id}", `bal_${"0".repeat(26)}`)
    .replace("{backend}", "10.0.0.9:80");
}

function expectRefused(answer: ApiAnswer<Problem>, what: string): void {
  expect(answer.status, what).toBeGreaterThanOrEqual(400);
  expect(answer.status, what).toBeLessThan(500);
  expect(answer.headers.get("content-type"), what).toBe("application/problem+json");
}

describe("a text that cannot be stored", () => {
  test("anywhere in a body is refused, with its place", async () => {
    const withBody = calls().filter(({ operation }) => operation.requestBody !== undefined);
    expect(withBody.length).toBeGreaterThan(5);
    for (const { method, path, operation } of withBody) {
      const schema = nameIn(operation.requestBody?.content["application/json"].schema.$ref);
      const right = bodies[schema];
      if (right === undefined) throw new Error(`there is no body for ${schema}`);
      for (const { pointer, body } of oddTexts.flatMap((odd) => spoilt(right, odd))) {
        const what = `${method} ${path} ${JSON.stringify(pointer)}`;
        const headers = { "if-match": "*" };
        const answer = await tenant.call<Problem>(method, filled(path), { body, headers });
        expectRefused(answer, what);
        if (answer.status !== 422) throw new Error(`${what}: ${answer.status}`);
        expect(answer.body.code, what).toBe("http/invalid");
        const pointers = answer.body.errors.map((error) => error.pointer);
        expect(pointers, what).toContain(pointer);
      }
    }
  });

  test("in a path or a query is refused", async () => {
    for (const call of calls()) {
      for (const odd of ["%00", "a%00b", "%ED%A0%80", "%ff", "%"]) {
        for (const { name } of parametersOf(call, "path")) {
          const path = filled(call.path.replace(`{${name}}`, odd));
          expectRefused(await tenant.call<Problem>(call.method, path), `${call.method} ${path}`);
        }
        for (const { name } of parametersOf(call, "query")) {
          const path = `${filled(call.path)}?${name}=${odd}`;
          const answer = await tenant.call<Problem>(call.method, path);
          expect(answer.status, `${call.method} ${path}`).toBeLessThan(500);
          if (odd.includes("%00")) expectRefused(answer, `${call.method} ${path}`);
        }
      }
    }
  });

  test("in a group's name names the parameter", async () => {
    for (const [list, name] of [
      ["/v1/balancers", "group"],
      ["/v1/nodes", "group"],
    ] as const) {
      const answer = await tenant.call<Problem>("GET", `${list}?${name}=%00`);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: "http/bad-query",
        errors: [{ pointer: `/${name}`, code: "invalid-format" }],
      });
    }
  });

  test("in a cursor that was made by hand is refused", async () => {
    for (const list of ["balancers", "nodes", "revisions", "audit", "groups", "api-keys"]) {
      for (const place of ["\u0000", `bal_\u0000`, "\ud800", "99999999999999999999"]) {
        const cursor = Buffer.from(`${list} ${place}`).toString("base64url");
        const answer = await tenant.call<Problem>("GET", `/v1/${list}?cursor=${cursor}`);
        expect(`${answer.status} ${answer.body.code}`).toBe("400 http/bad-cursor");
      }
    }
  });

  test("in a header is refused, or counts as no such thing", async () => {
    const named = Object.values(document.components.parameters).map(({ name }) => name);
    for (const call of calls()) {
      for (const name of [...named, "X-Request-Id", "X-Forwarded-For", "User-Agent"]) {
        const answer = await tenant.call<Problem>(call.method, filled(call.path), {
          headers: { [name]: "\u0080\u00ff" },
        });
        expect(answer.status, `${call.method} ${call.path} ${name}`).toBeLessThan(500);
      }
    }
    for (const name of [...named, "Authorization", "X-Request-Id"]) {
      const head = `GET /v1/me HTTP/1.1\r\nHost: a\r\n${name}: a\u0000b\r\n\r\n`;
      expect((await rawHttp(control.port, head)).status).toBe(400);
    }
  });

  test("is nothing unexpected: no line of the log is an error", () => {
    expect(control.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
