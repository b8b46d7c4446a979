import { addressBytes } from "#shared/base/ip-address.ts";

import type { ElectingClient } from "../elect/strategy.ts";
import type { ListenerId, Peer } from "../engine/engine.ts";
import type { HeldPlace } from "../listen/admission.ts";
import type { Candidate } from "../pool/pool-view.ts";
import type { CountedBytes } from "../stats/connection-counts.ts";
import type { AccessTrace } from "./access-trace.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { ConnectionsOf } from "./worker-protocol.ts";

/** How a client came. */
export interface Arrival {
  readonly listener: ListenerId;
  readonly peer: Peer;
}

/** What a connection and a session have in common: a client that is admitted, elected for, counted. */
export class OpenClient implements ElectingClient, CountedBytes {
  readonly listener: ListenerId;
  readonly balancer: ServedBalancer;
  /** Undefined when it is not logged. */
  readonly trace: AccessTrace | undefined;
  /** What the client holds of its own limit. */
  place: HeldPlace | undefined = undefined;
  /** Names of the backends that it was tried on. */
  tried: readonly string[] = nobody;
  /** The backend that holds a place for it; undefined between two tries. */
  backend: Candidate | undefined = undefined;
  /** As counted so far. */
  rxBytes = 0;
  txBytes = 0;
  #peer: Peer;
  #address: Uint8Array | undefined = undefined;

  constructor(
    { listener, peer }: Arrival,
    balancer: ServedBalancer,
    trace: AccessTrace | undefined,
  ) {
    this.listener = listener;
    this.balancer = balancer;
    this.trace = trace;
    this.#peer = peer;
  }

  /** Who is at its other end; a proxy in front of us may have told otherwise than the engine. */
  get peer(): Peer {
    return this.#peer;
  }

  /** The client's, read where somebody asks for it, once. */
  get address(): Uint8Array {
    this.#address ??= addressBytes(this.#peer.address);
    return this.#address;
  }

  get port(): number {
    return this.#peer.port;
  }

  /** Whether it is one of those that are asked for. */
  isAmong({ balancer, listeners, backend }: ConnectionsOf): boolean {
    return (
      this.balancer.terms.key === balancer &&
      (backend === undefined || this.backend?.name === backend) &&
      (listeners === "all" || listeners.includes(this.listener))
    );
  }

  /** A proxy has told who it is about: the access list, limits, elections and logs go by that. */
  announce(peer: Peer): void {
    if (this.trace !== undefined) this.trace.peer = peer;
    this.#peer = peer;
    this.#address = undefined;
  }
}

const nobody: readonly string[] = [];
