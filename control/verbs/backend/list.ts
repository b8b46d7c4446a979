import type { BalancerId } from "#shared/base/ids.ts";
import { backendName } from "#shared/definition/backend-name.ts";
import type { ManagedBackend } from "#shared/definition/managed-backend.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { BalancerRecord } from "../balancer/balancer-record.ts";
import { getBalancer } from "../balancer/get.ts";
import type { NotFound } from "../outcomes.ts";
import { pageOf, type Listing, type Page, type PageRequest } from "../page.ts";

export interface ListBackendsInput extends PageRequest {
  readonly balancer: BalancerId;
}

export type ListBackendsOutcome =
  | {
      readonly kind: "listed";
      readonly balancer: BalancerRecord;
      readonly page: Page<ManagedBackend>;
    }
  | NotFound;

const listing: Listing<ManagedBackend, string> = {
  name: "backends",
  parse: (text) => text,
  placeOf: ({ host, port }) => backendName(host, port),
};

/** A balancer's managed backends, in the order of their names. Scope `read`. */
export async function listBackends(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: ListBackendsInput,
): Promise<ListBackendsOutcome> {
  const found = await getBalancer(deps, actor, { id: input.balancer });
  if (found.kind === "not-found") return found;
  const { balancer } = found;
  const all = (balancer.definition.managedBackends ?? [])
    .map((backend) => ({ backend, name: listing.placeOf(backend) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const page = await pageOf(listing, input, (after, limit) => {
    const rest = after === undefined ? all : all.filter(({ name }) => name > after);
    return Promise.resolve(rest.slice(0, limit).map(({ backend }) => backend));
  });
  return { kind: "listed", balancer, page };
}
