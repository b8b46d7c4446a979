import { addressBytes } from "#shared/base/ip-address.ts";

import type { ElectingClient } from "../elect/strategy.ts";
import type { ConnectionId, EngineEvent, ListenerId, Peer } from "../engine/engine.ts";
import type { ClientTlsFacts } from "../engine/tls-terms.ts";
import type { HeldPlace } from "../listen/admission.ts";
import type { ClientHello } from "../listen/client-hello.ts";
import type { Candidate } from "../pool/pool-view.ts";
import type { CountedBytes } from "../stats/connection-counts.ts";
import type { AccessTrace } from "./access-trace.ts";
import type { ServedBalancer } from "./served-balancer.ts";

/** What a connection is at; `tcpFlow` tells the order. */
export type Stage =
  /** It was not let in: nothing is held for it. */
  | "arriving"
  /** The same, until a proxy has told who it is about. */
  | "announcing"
  /** It was let in, and says which name it asks for. */
  | "sniffing"
  /** The client's TLS is agreed on. */
  | "securing"
  /** A backend is dialled for it, or was and failed. */
  | "dialling"
  | "relaying";

/** A client's connection, from its arrival until it has closed. One object, since each has one. */
export class OpenConnection implements ElectingClient, CountedBytes {
  readonly id: ConnectionId;
  readonly listener: ListenerId;
  readonly balancer: ServedBalancer;
  /** Who is at its other end; a proxy in front of us may have told otherwise than the engine. */
  peer: Peer;
  /** Undefined when it is not logged. */
  readonly trace: AccessTrace | undefined;
  stage: Stage = "arriving";
  /** Monotonic time at which the stage has lasted long enough. */
  deadlineMs = 0;
  /** Undefined where names mean nothing. */
  hello: ClientHello | undefined = undefined;
  /** What the client holds of its own limit. */
  place: HeldPlace | undefined = undefined;
  /** Names of the backends that it was tried on. */
  tried: readonly string[] = nobody;
  /** What the client's TLS came to; undefined when it is not terminated. */
  tls: ClientTlsFacts | undefined = undefined;
  /** The backend that holds a place for it; undefined between two dials. */
  backend: Candidate | undefined = undefined;
  /** The backend was lost while it was dialled. */
  isBackendLost = false;
  /** As counted so far. */
  rxBytes = 0;
  txBytes = 0;
  #address: Uint8Array | undefined = undefined;

  constructor(
    { connection, listener, peer }: Extract<EngineEvent, { kind: "accepted" }>,
    balancer: ServedBalancer,
    trace: AccessTrace | undefined,
  ) {
    this.id = connection;
    this.listener = listener;
    this.balancer = balancer;
    this.peer = peer;
    this.trace = trace;
  }

  /** A proxy has told who it is about: the access list, limits, elections and logs go by that. */
  announce(peer: Peer): void {
    if (this.trace !== undefined) this.trace.peer = peer;
    this.peer = peer;
    this.#address = undefined;
  }

  /** Whether it was let in, and so holds a place. */
  get isAdmitted(): boolean {
    return this.stage !== "arriving" && this.stage !== "announcing";
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
