import type { DatagramEvent, SessionId } from "../engine/datagrams.ts";
import type { AccessTrace } from "./access-trace.ts";
import { OpenClient } from "./open-client.ts";
import type { ServedBalancer } from "./served-balancer.ts";

/** A client's session, from its first datagram until it has ended. */
export class OpenSession extends OpenClient {
  readonly id: SessionId;
  /** Whether it holds one of the balancer's places; one that was evicted has given it up before its end. */
  isAdmitted = false;

  constructor(
    event: Extract<DatagramEvent, { kind: "arrived" }>,
    balancer: ServedBalancer,
    trace: AccessTrace | undefined,
  ) {
    super(event, balancer, trace);
    this.id = event.session;
  }
}
