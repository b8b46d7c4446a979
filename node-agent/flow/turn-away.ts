import type { OpenConnection } from "./open-connection.ts";
import type { Stages } from "./stages.ts";
import { tellRefused, type Refusal } from "./tell-refused.ts";

/** Closes a connection that nobody was dialled for: counted, and told of. */
export function turnAway(stages: Stages, connection: OpenConnection, refusal: Refusal): void {
  const { id, trace, balancer, tried } = connection;
  const { reason } = refusal;
  tellRefused(stages, balancer, refusal);
  stages.engine.close(id, "flush", reason);
  // Nobody will know this one any more when it has closed.
  if (trace !== undefined && !stages.connections.has(id)) {
    stages.access.end(trace, { tried, reason, rxBytes: 0, txBytes: 0 });
  }
}
