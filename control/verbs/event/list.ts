import type { BalancerId, NodeId } from "#shared/base/ids.ts";

import { momentMs } from "../../storage/queries/moment.ts";
import { nodeEventsOfTenant, type NodeEventRow } from "../../storage/queries/node-events.ts";
import { nodeOfTenant } from "../../storage/queries/nodes.ts";
import { requireScope, type Actor, type VerbDeps } from "../actor.ts";
import type { NotFound } from "../outcomes.ts";
import { pageOf, parseNumber, type Listing, type Page, type PageRequest } from "../page.ts";

/** Something that flipped on a node, as the node told it. */
export interface EventRecord {
  readonly seq: number;
  /** When it happened, by the node's clock; never later than it was heard. */
  readonly atMs: number;
  readonly node: NodeId;
  /** One of the kinds of `NodeEvent`. */
  readonly kind: string;
  readonly balancer: string | null;
  /** `host:port` */
  readonly backend: string | null;
  readonly detail: string;
}

export interface ListEventsInput extends PageRequest {
  /** Only those of this node. */
  readonly node?: NodeId;
  /** Only those about this balancer, which may be gone already. */
  readonly balancer?: BalancerId;
}

export type ListEventsOutcome = Page<EventRecord>;

const listing: Listing<EventRecord, number> = {
  name: "events",
  parse: parseNumber,
  placeOf: (record) => record.seq,
};

/** What nodes told, newest first: the last `eventsPerNodeKept` of each node. Scope `read`. */
export async function listEvents(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: ListEventsInput,
): Promise<ListEventsOutcome> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  const { node, balancer } = input;
  return pageOf(listing, input, async (before, limit) => {
    const rows = await deps.database.asTenant(tenantId, (tx) =>
      nodeEventsOfTenant(tx, tenantId, { before, limit, node, balancer }),
    );
    return rows.map(recordOf);
  });
}

/** The same of one node, which has to be there. Scope `read`. */
export async function listEventsOfNode(
  deps: Pick<VerbDeps, "database">,
  actor: Actor,
  input: ListEventsInput & { readonly node: NodeId },
): Promise<ListEventsOutcome | NotFound> {
  requireScope(actor, "read");
  const { tenantId } = actor;
  const found = await deps.database.asTenant(tenantId, (tx) =>
    nodeOfTenant(tx, tenantId, input.node),
  );
  return found === undefined ? { kind: "not-found" } : listEvents(deps, actor, input);
}

function recordOf(row: NodeEventRow): EventRecord {
  const { seq, nodeId: node, kind, balancerId: balancer, backend, detail } = row;
  return { seq, atMs: momentMs(row.at), node, kind, balancer, backend, detail };
}
