import type { AccessTrace } from "./access-trace.ts";
import { awaitHeader } from "./announce.ts";
import { letIn } from "./let-in.ts";
import { OpenConnection } from "./open-connection.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { EventOf, Stages } from "./stages.ts";
import { turnAway } from "./turn-away.ts";

/** A client is there, or a proxy with one. */
export function onAccepted(stages: Stages, event: EventOf<"accepted">): void {
  const balancer = stages.balancerOf(event.listener);
  if (balancer === undefined) return stages.engine.close(event.connection, "flush", "removed");
  const connection = new OpenConnection(event, balancer, traceOf(stages, balancer, event));
  const { inbound } = balancer;
  if (inbound === undefined) return letIn(stages, connection);
  if (inbound.trusts(connection.address)) return awaitHeader(stages, connection, inbound);
  turnAway(stages, connection, { reason: "untrusted-proxy", detail: "" });
}

/** What the access log is to remember; undefined where there is none. */
function traceOf(
  { access, placeOf }: Stages,
  { terms }: ServedBalancer,
  { listener, peer }: EventOf<"accepted">,
): AccessTrace | undefined {
  if (terms.accessLog === undefined) return undefined;
  const proxy = terms.inbound === undefined ? undefined : peer.address;
  return access.begin(terms.accessLog, { peer, proxy, listener: placeOf(listener, peer) });
}
