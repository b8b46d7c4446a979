import type { Requested } from "../elect/sni-pools.ts";
import type { ConnectionId, EngineEvent } from "../engine/engine.ts";
import type { ClientTlsFacts } from "../engine/tls-terms.ts";
import type { ClientHello } from "../listen/client-hello.ts";
import type { AccessTrace } from "./access-trace.ts";
import { OpenClient } from "./open-client.ts";
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
export class OpenConnection extends OpenClient {
  readonly id: ConnectionId;
  stage: Stage = "arriving";
  /** Monotonic time at which the stage has lasted long enough. */
  deadlineMs = 0;
  /** Undefined where names mean nothing. */
  hello: ClientHello | undefined = undefined;
  /** What the client's TLS came to; undefined when it is not terminated. */
  tls: ClientTlsFacts | undefined = undefined;
  /** The backend was lost while it was dialled. */
  isBackendLost = false;

  constructor(
    event: Extract<EngineEvent, { kind: "accepted" }>,
    balancer: ServedBalancer,
    trace: AccessTrace | undefined,
  ) {
    super(event, balancer, trace);
    this.id = event.connection;
  }

  /**
   * Which backends it is for. Once its TLS is terminated, the one protocol that was agreed on counts,
   * not those it has offered: it will speak no other.
   */
  get requested(): Requested | undefined {
    const { hello, tls } = this;
    if (hello === undefined || tls === undefined) return hello;
    return { name: hello.name, protocols: tls.alpn === "" ? [] : [tls.alpn] };
  }

  /** Whether it was let in, and so holds a place. */
  get isAdmitted(): boolean {
    return this.stage !== "arriving" && this.stage !== "announcing";
  }
}
