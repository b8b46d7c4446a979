import { admit } from "../listen/admission.ts";
import type { OpenConnection } from "./open-connection.ts";
import { sniff } from "./sniff.ts";
import type { Stages } from "./stages.ts";
import { turnAway } from "./turn-away.ts";

/** Access list and limits decide about a client whose address is known, before anything is read. */
export function letIn(stages: Stages, connection: OpenConnection): void {
  const admission = admit(stages.counters, connection.balancer.door, connection);
  if (admission.kind === "denied") return turnAway(stages, connection, admission);
  connection.place = admission.place;
  stages.connections.set(connection.id, connection);
  sniff(stages, connection);
}
