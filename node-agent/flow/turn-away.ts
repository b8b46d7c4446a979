import type { CloseReason } from "../engine/engine.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { Stages } from "./stages.ts";

/** Why a client gets no backend; `detail` is for logs, the same for all with the same cause. */
export interface Refusal {
  readonly reason: CloseReason;
  readonly detail: string;
}

/** Closes a connection that nobody was dialled for: counted, and told of. */
export function turnAway(
  stages: Stages,
  connection: OpenConnection,
  { reason, detail }: Refusal,
): void {
  const { id, trace, balancer } = connection;
  const { slot, key } = balancer.terms;
  stages.counts.rejected(slot);
  stages.notices.add({ kind: "turned-away", balancer: key, reason, detail, count: 1 });
  stages.engine.close(id, "flush", reason);
  // Nobody will know this one any more when it has closed.
  if (trace !== undefined && !stages.connections.has(id)) {
    stages.access.end(trace, { tried: connection.tried, reason, rxBytes: 0, txBytes: 0 });
  }
}
