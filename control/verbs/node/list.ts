import type { Actor, VerbDeps } from "../actor.ts";
import type { Page, PageRequest } from "../page.ts";
import type { NodeRecord } from "./node-record.ts";

export interface ListNodesInput extends PageRequest {
  /** Only those of the group with this name. */
  readonly group?: string;
}

export type ListNodesOutcome = Page<NodeRecord>;

/** The tenant's nodes, oldest first, retired ones too. Scope `read`. */
export declare function listNodes(
  deps: VerbDeps,
  actor: Actor,
  input: ListNodesInput,
): Promise<ListNodesOutcome>;
