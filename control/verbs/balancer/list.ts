import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";
import type { BalancerRecord } from "./balancer-record.ts";

export interface ListBalancersInput extends PageRequest {
  /** Only those of the group with this name. */
  readonly group?: string;
}

export type ListBalancersOutcome = Page<BalancerRecord>;

/** The tenant's balancers, oldest first. Scope `read`. */
export declare function listBalancers(
  deps: VerbDeps,
  actor: Actor,
  input: ListBalancersInput,
): Promise<ListBalancersOutcome>;
