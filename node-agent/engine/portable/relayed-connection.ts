import { connect as openSocket, type LookupFunction, type Socket } from "node:net";

import { systemErrorCode } from "#shared/base/fault.ts";
import { flushMsMax } from "#shared/base/limits.ts";

import type {
  Address,
  CloseHow,
  CloseReason,
  ConnectionId,
  ConnectTerms,
  EngineEvent,
  MovedBytes,
  PeekTerms,
} from "../engine.ts";
import { Deadline, type Deadlines } from "./deadlines.ts";
import { Direction } from "./direction.ts";
import { cutSocket, endStream, type Cut } from "./end-socket.ts";
import { FirstBytes } from "./first-bytes.ts";
import { idleDeadline } from "./idle.ts";
import { socketOptions } from "./socket-options.ts";

/** What the connections of one engine share. */
export interface ConnectionHost {
  readonly deadlines: Deadlines;
  readonly lookup: LookupFunction;
  readonly monotonicMs: () => number;
  readonly tell: (event: EngineEvent) => void;
  /** The connection moved bytes. */
  readonly onMoved: (connection: RelayedConnection) => void;
  /** `closed` was told and both sockets are gone. */
  readonly onClosed: (connection: RelayedConnection) => void;
}

/**
 * One client and, once connected, its backend. Owns both sockets, from the tick they appear until
 * both have closed.
 *
 * accepted → connecting → relaying → closing; a peek that was answered and a failed dial lead back
 * to accepted.
 */
export class RelayedConnection {
  readonly id: ConnectionId;
  readonly #host: ConnectionHost;
  readonly #client: Socket;
  readonly #deadline = new Deadline((nowMs) => this.#onDue(nowMs));
  #state: "accepted" | "peeking" | "connecting" | "relaying" | "closing" = "accepted";
  #first: FirstBytes | undefined;
  #terms: ConnectTerms | undefined;
  #backend: Socket | undefined;
  #toBackend: Direction | undefined;
  #toClient: Direction | undefined;
  #reason: CloseReason | undefined;
  #openSockets = 0;

  constructor(id: ConnectionId, client: Socket, host: ConnectionHost) {
    this.id = id;
    this.#client = client;
    this.#host = host;
    this.#own(client, () => this.#onReset("client"));
  }

  peek({ moreThan, timeoutMs }: PeekTerms): void {
    if (this.#state !== "accepted" || this.#client.destroyed) return;
    this.#state = "peeking";
    this.#first ??= new FirstBytes(this.#client, (outcome) => this.#onPeeked(outcome));
    if (timeoutMs > 0) this.#setDeadline(timeoutMs);
    this.#first.want(moreThan);
  }

  discard(bytes: number): void {
    if (this.#state === "accepted") this.#first?.discard(bytes);
  }

  connect(target: Address, terms: ConnectTerms): void {
    if (this.#state !== "accepted" || this.#client.destroyed) return;
    this.#state = "connecting";
    this.#terms = terms;
    const backend = this.#open(target);
    this.#backend = backend;
    this.#own(backend, (error) => this.#onBackendError(backend, error));
    backend.once("connect", () => this.#onConnected(backend, terms));
    if (terms.connectTimeoutMs > 0) this.#setDeadline(terms.connectTimeoutMs);
  }

  close(how: CloseHow, reason: CloseReason): void {
    const cut = how === "abort" ? "reset" : "close";
    if (this.#state === "closing") {
      if (how === "abort") this.#destroy(cut);
    } else if (this.#state === "relaying" && how === "flush") this.#flush(reason);
    else this.#cut(cut, reason);
  }

  /** Bytes so far; final once both sockets have closed. */
  moved(): MovedBytes {
    return {
      connection: this.id,
      rxBytes: this.#toClient?.movedBytes() ?? 0,
      txBytes: this.#toBackend?.movedBytes() ?? 0,
    };
  }

  #open(target: Address): Socket {
    const { lookup } = this.#host;
    return target.kind === "unix"
      ? openSocket({ ...socketOptions, path: target.path })
      : openSocket({ ...socketOptions, host: target.host, port: target.port, lookup });
  }

  #own(socket: Socket, onError: (error: Error) => void): void {
    this.#openSockets += 1;
    socket.on("error", onError);
    socket.on("close", () => this.#onSocketClosed(socket));
  }

  #onConnected(backend: Socket, terms: ConnectTerms): void {
    if (backend !== this.#backend || this.#state !== "connecting") return;
    this.#state = "relaying";
    if (terms.prefix !== undefined) backend.write(terms.prefix);
    this.#toBackend = this.#direction("client", { source: this.#client, sink: backend });
    this.#toClient = this.#direction("backend", { source: backend, sink: this.#client });
    this.#host.tell({ kind: "connected", connection: this.id });
    this.#toBackend.start(this.#first?.release());
    this.#toClient.start(undefined);
    this.#watchSilence(this.#host.monotonicMs());
  }

  #direction(from: "client" | "backend", ends: { source: Socket; sink: Socket }): Direction {
    return new Direction({
      ...ends,
      monotonicMs: this.#host.monotonicMs,
      onMoved: () => this.#host.onMoved(this),
      onEnded: () => this.#onEnded(from),
    });
  }

  #onPeeked(outcome: "more" | "ended" | "timeout"): void {
    if (this.#state !== "peeking" || this.#first === undefined) return;
    this.#state = "accepted";
    this.#host.deadlines.clear(this.#deadline);
    this.#first.rest();
    this.#host.tell({ kind: "peeked", connection: this.id, bytes: this.#first.bytes, outcome });
  }

  #onEnded(side: "client" | "backend"): void {
    if (this.#state !== "relaying") return;
    this.#reason ??= `${side}-closed`;
    this.#watchSilence(this.#host.monotonicMs());
  }

  #onBackendError(backend: Socket, error: Error): void {
    if (backend !== this.#backend) return;
    if (this.#state === "connecting") this.#fail(systemErrorCode(error) ?? "EUNKNOWN");
    else this.#onReset("backend");
  }

  /** The dial failed: the client waits for another one. */
  #fail(code: string): void {
    this.#state = "accepted";
    this.#host.deadlines.clear(this.#deadline);
    this.#backend?.destroy();
    this.#backend = undefined;
    this.#host.tell({ kind: "failed", connection: this.id, code, mayRetry: true });
  }

  /**
   * A reset from a side that had ended its stream is the answer to what was still sent to it: what
   * it had said before is complete, and is still delivered.
   */
  #onReset(side: "client" | "backend"): void {
    if (this.#state === "closing") return;
    const sent = side === "client" ? this.#toBackend : this.#toClient;
    if (sent?.hasEnded !== true) return this.#cut("reset", `${side}-reset`);
    const other = side === "client" ? this.#backend : this.#client;
    const reason = this.#reason ?? `${side}-closed`;
    if (other === undefined || other.writableLength === 0) this.#cut("reset", reason);
    else this.#flush(reason);
  }

  /** Sends what is queued and ends both streams, then waits for the peers' ends, within a bound. */
  #flush(reason: CloseReason): void {
    this.#state = "closing";
    this.#reason = reason;
    this.#toBackend?.discard();
    this.#toClient?.discard();
    endStream(this.#client);
    if (this.#backend !== undefined) endStream(this.#backend);
    this.#setDeadline(flushMsMax);
  }

  #cut(how: Cut, reason: CloseReason): void {
    this.#reason = reason;
    this.#destroy(how);
  }

  #destroy(how: Cut): void {
    this.#state = "closing";
    this.#host.deadlines.clear(this.#deadline);
    this.moved(); // Looks at the queues before they are thrown away.
    cutSocket(this.#client, how);
    if (this.#backend !== undefined) cutSocket(this.#backend, how);
  }

  #onDue(nowMs: number): void {
    switch (this.#state) {
      case "accepted":
        return;
      case "peeking":
        return this.#onPeeked("timeout");
      case "connecting":
        return this.#fail("ETIMEDOUT");
      case "relaying":
        return this.#watchSilence(nowMs);
      case "closing":
        // Whoever has not taken everything by now must not think that it has.
        return this.#destroy(this.#hasQueue() ? "reset" : "close");
    }
  }

  #hasQueue(): boolean {
    return this.#client.writableLength > 0 || (this.#backend?.writableLength ?? 0) > 0;
  }

  /** Closes the connection when it has been silent for too long, otherwise looks again in time. */
  #watchSilence(nowMs: number): void {
    if (this.#terms === undefined || this.#toBackend === undefined) return;
    if (this.#toClient === undefined) return;
    const sides = { client: this.#toBackend, backend: this.#toClient };
    const deadline = idleDeadline({ ...sides, terms: this.#terms, nowMs });
    if (deadline === undefined) return;
    if (deadline.atMs <= nowMs) this.#cut("close", deadline.reason);
    else this.#host.deadlines.set(this.#deadline, deadline.atMs);
  }

  #setDeadline(delayMs: number): void {
    this.#host.deadlines.set(this.#deadline, this.#host.monotonicMs() + delayMs);
  }

  #onSocketClosed(socket: Socket): void {
    this.#openSockets -= 1;
    const hadNoBackend = this.#state !== "relaying" && this.#state !== "closing";
    if (socket === this.#client && hadNoBackend) this.#cut("close", "client-closed");
    if (this.#openSockets > 0) return;
    this.#host.deadlines.clear(this.#deadline);
    const { rxBytes, txBytes } = this.moved();
    const reason = this.#reason ?? "client-closed";
    this.#host.tell({ kind: "closed", connection: this.id, reason, rxBytes, txBytes });
    this.#host.onClosed(this);
  }
}
