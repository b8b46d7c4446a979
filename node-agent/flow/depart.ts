import { releasePlace } from "../listen/admission.ts";
import { onHandshakeFailed } from "./handshake.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { EventOf, Stages } from "./stages.ts";

/** A connection has closed, at whatever stage: what was held for it is given back. */
export function onClosed(stages: Stages, event: EventOf<"closed">): void {
  const connection = stages.connections.get(event.connection);
  if (connection === undefined) return;
  stages.connections.delete(connection.id);
  if (connection.stage === "securing") onHandshakeFailed(stages, connection, event);
  if (connection.isAdmitted) release(stages, connection, event);
  const { trace, tried } = connection;
  if (trace !== undefined) stages.access.end(trace, { ...event, tried });
}

function release(stages: Stages, connection: OpenConnection, event: EventOf<"closed">): void {
  const { backend, balancer, place, stage } = connection;
  if (backend !== undefined && stage === "relaying") {
    stages.counts.moved(backend.slot, connection, event);
    stages.counts.disconnected(backend.slot);
  } else if (backend !== undefined) stages.counts.dialEnded(backend.slot);
  if (place !== undefined) releasePlace(place);
  stages.counts.left(balancer.terms.slot);
}
