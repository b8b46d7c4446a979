import type { AccessTrace } from "./access-trace.ts";
import { letIn } from "./let-in.ts";
import { OpenConnection } from "./open-connection.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { EventOf, Stages } from "./stages.ts";

/** A client is there. */
export function onAccepted(stages: Stages, event: EventOf<"accepted">): void {
  const balancer = stages.balancerOf(event.listener);
  if (balancer === undefined) return stages.engine.close(event.connection, "flush", "removed");
  letIn(stages, new OpenConnection(event, balancer, traceOf(stages, balancer, event)));
}

/** What the access log is to remember; undefined where there is none. */
function traceOf(
  { access, placeOf }: Stages,
  { terms }: ServedBalancer,
  { listener, peer }: EventOf<"accepted">,
): AccessTrace | undefined {
  if (terms.accessLog === undefined) return undefined;
  return access.begin(terms.accessLog, { peer, listener: placeOf(listener, peer) });
}
