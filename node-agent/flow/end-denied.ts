import { isAllowed } from "../listen/admission.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { UdpStages } from "./udp-flow.ts";

/**
 * Ends the sessions of clients that the balancer's access list does not let in any more. Datagrams of
 * open sessions are not judged one by one, so whoever changes the list calls this.
 */
export function endDenied({ sessions, relay }: UdpStages, balancer: ServedBalancer): void {
  const { door } = balancer;
  if (door.access === undefined) return;
  for (const session of sessions.values()) {
    if (session.balancer === balancer && !isAllowed(door, session)) {
      relay.end(session.id, "access-denied");
    }
  }
}
