import { simpleBalancer } from "../../support/definitions.ts";
import { signUp, type ApiAnswer, type TestTenant } from "../../support/tenant-api.ts";

/** A managed backend, as the API answers it. */
export interface BackendAnswer {
  readonly backend: string;
  readonly revision: number;
  readonly [key: string]: unknown;
}

/** Why a call was refused. */
export interface BackendProblem {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

/** A balancer, and calls about its managed backends. */
export interface ManagedBalancer {
  readonly tenant: TestTenant;
  readonly path: string;
  readonly added: (
    body: object,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<ApiAnswer<BackendAnswer>>;
  readonly changed: (
    name: string,
    body: object,
    ifMatch?: string,
  ) => Promise<ApiAnswer<BackendAnswer>>;
}

/** One without any source of backends, in a tenant of its own. */
export async function managedBalancer(control: { readonly url: string }): Promise<ManagedBalancer> {
  const tenant = await signUp(control.url);
  const definition = { ...simpleBalancer("web"), discovery: { kind: "static", backends: [] } };
  const { id } = await tenant.demand<{ id: string }>("POST", "/v1/balancers", { body: definition });
  const path = `/v1/balancers/${id}`;
  return {
    tenant,
    path,
    added: (body, headers = {}) => tenant.call("POST", `${path}/backends`, { body, headers }),
    changed: (name, body, ifMatch = "*") =>
      tenant.call("PATCH", `${path}/backends/${name}`, { body, headers: { "if-match": ifMatch } }),
  };
}
