import type { NodeId } from "#shared/base/ids.ts";

import type { Actor, VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import type { NodeRecord } from "./node-record.ts";

export type GetNodeOutcome = { readonly kind: "found"; readonly node: NodeRecord } | NotFound;

/** One node. Scope `read`. */
export declare function getNode(
  deps: VerbDeps,
  actor: Actor,
  input: { readonly id: NodeId },
): Promise<GetNodeOutcome>;
