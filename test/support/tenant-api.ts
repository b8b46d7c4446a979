import { randomBytes } from "node:crypto";

/** An answer of the API. */
export interface ApiAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface ApiCall {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A tenant of its own, and the API with its key. */
export interface TestTenant {
  readonly id: string;
  readonly key: string;
  /** Whatever the answer is. The caller asserts what it reads of the body. */
  call<Body = unknown>(method: string, path: string, call?: ApiCall): Promise<ApiAnswer<Body>>;
  /** The body of a success; fails with the problem otherwise. */
  demand<Body = unknown>(method: string, path: string, call?: ApiCall): Promise<Body>;
  /** The same tenant at another control plane. */
  at(url: string): TestTenant;
}

interface SignedUp {
  readonly tenant: { readonly id: string };
  readonly apiKey: { readonly secret: string };
}

/** Signs a new tenant up. */
export async function signUp(url: string): Promise<TestTenant> {
  const name = `t${randomBytes(6).toString("hex")}`;
  const body = {
    tenant: name,
    email: `${name}@example.com`,
    password: randomBytes(12).toString("hex"),
  };
  const answer = await callApi<SignedUp>(url, undefined, {
    method: "POST",
    path: "/v1/signup",
    body,
  });
  const { tenant, apiKey } = demanded(answer, "POST /v1/signup");
  return tenantWith(url, tenant.id, apiKey.secret);
}

/** A tenant that is known already. */
export function tenantWith(url: string, id: string, key: string): TestTenant {
  const call = <Body>(method: string, path: string, call: ApiCall = {}) =>
    callApi<Body>(url, key, { method, path, ...call });
  return {
    id,
    key,
    call,
    demand: async <Body>(method: string, path: string, apiCall: ApiCall = {}) =>
      demanded(await call<Body>(method, path, apiCall), `${method} ${path}`),
    at: (other) => tenantWith(other, id, key),
  };
}

async function callApi<Body>(
  url: string,
  key: string | undefined,
  call: ApiCall & { readonly method: string; readonly path: string },
): Promise<ApiAnswer<Body>> {
  const response = await fetch(new URL(call.path, url), {
    method: call.method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      ...call.headers,
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const body = (isJson ? JSON.parse(text) : text) as Body;
  return { status: response.status, headers: response.headers, body };
}

function demanded<Body>(answer: ApiAnswer<Body>, what: string): Body {
  if (answer.status < 300) return answer.body;
  throw new Error(`${what} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
}
