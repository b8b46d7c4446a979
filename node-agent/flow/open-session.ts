import { addressBytes } from "#shared/base/ip-address.ts";

import type { ElectingClient } from "../elect/strategy.ts";
import type { DatagramEvent, SessionId } from "../engine/datagrams.ts";
import type { ListenerId, Peer } from "../engine/engine.ts";
import type { HeldPlace } from "../listen/admission.ts";
import type { Candidate } from "../pool/pool-view.ts";
import type { CountedBytes } from "../stats/connection-counts.ts";
import type { AccessTrace } from "./access-trace.ts";
import type { ServedBalancer } from "./served-balancer.ts";

/** A client's session, from its first datagram until it has ended. */
export class OpenSession implements ElectingClient, CountedBytes {
  readonly id: SessionId;
  readonly listener: ListenerId;
  readonly balancer: ServedBalancer;
  readonly peer: Peer;
  /** Undefined when it is not logged. */
  readonly trace: AccessTrace | undefined;
  /** What the client holds of its own limit. */
  place: HeldPlace | undefined = undefined;
  /** Whether it holds one of the balancer's places; one that was evicted has given it up before its end. */
  isAdmitted = false;
  /** Names of the backends that it was tried on. */
  tried: readonly string[] = nobody;
  /** The backend that holds a place for it. */
  backend: Candidate | undefined = undefined;
  /** As counted so far. */
  rxBytes = 0;
  txBytes = 0;
  #address: Uint8Array | undefined = undefined;

  constructor(
    { session, listener, peer }: Extract<DatagramEvent, { kind: "arrived" }>,
    balancer: ServedBalancer,
    trace: AccessTrace | undefined,
  ) {
    this.id = session;
    this.listener = listener;
    this.balancer = balancer;
    this.peer = peer;
    this.trace = trace;
  }

  /** The client's, read where somebody asks for it, once. */
  get address(): Uint8Array {
    this.#address ??= addressBytes(this.peer.address);
    return this.#address;
  }

  get port(): number {
    return this.peer.port;
  }
}

const nobody: readonly string[] = [];
