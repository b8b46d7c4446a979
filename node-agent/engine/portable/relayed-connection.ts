import type { LookupFunction, Socket } from "node:net";

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
import type {
  ClientTlsFacts,
  ConnectTls,
  SecureTerms,
  TlsFailure,
  TlsTermsId,
} from "../tls-terms.ts";
import { dialBackend, openTowards, type SecureDial } from "./backend-dial.ts";
import { BothWays } from "./both-ways.ts";
import { beginClientHandshake } from "./client-handshake.ts";
import { Deadline, type DeadlineOwner, type Deadlines } from "./deadlines.ts";
import type { Cut } from "./end-socket.ts";
import { FirstBytes } from "./first-bytes.ts";
import { Side } from "./side.ts";
import type { TlsTables } from "./tls-tables.ts";

/** What the connections of one engine share. */
export interface ConnectionHost {
  readonly deadlines: Deadlines;
  readonly lookup: LookupFunction;
  readonly tls: TlsTables;
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
 * accepted → connecting → relaying → closing; a peek that was answered, a handshake with the client
 * that is done, and a failed dial lead back to accepted.
 */
export class RelayedConnection implements DeadlineOwner {
  readonly id: ConnectionId;
  readonly #host: ConnectionHost;
  readonly #client: Side;
  readonly #deadline = new Deadline(this);
  #state: "accepted" | "peeking" | "securing" | "connecting" | "relaying" | "closing" = "accepted";
  #first: FirstBytes | undefined;
  #terms: ConnectTerms | undefined;
  #backend: Side | undefined;
  #relay: BothWays | undefined;
  #reason: CloseReason | undefined;
  #tlsFailure: TlsFailure | undefined;
  #openSides = 0;

  constructor(id: ConnectionId, client: Socket, host: ConnectionHost) {
    this.id = id;
    this.#host = host;
    this.#client = this.#own(client);
    client.on("error", () => this.#onReset("client"));
  }

  peek({ moreThan, timeoutMs }: PeekTerms): void {
    if (!this.#isWaiting() || this.#client.isSecured) return;
    this.#state = "peeking";
    this.#first ??= new FirstBytes(this.#client.wire, (outcome) => this.#onPeeked(outcome));
    if (timeoutMs > 0) this.#setDeadline(timeoutMs);
    this.#first.want(moreThan);
  }

  discard(bytes: number): void {
    if (this.#state === "accepted") this.#first?.discard(bytes);
  }

  secure(id: TlsTermsId, { timeoutMs }: SecureTerms): void {
    if (!this.#isWaiting() || this.#client.isSecured) return;
    const { wire } = this.#client;
    const tls = this.#host.tls.client(id);
    const read = this.#first?.release();
    this.#first = undefined;
    if (tls === undefined) return this.#failHandshake("protocol");
    if (read?.hasEnded === true) return this.#failHandshake("ended");
    this.#state = "securing";
    if (timeoutMs > 0) this.#setDeadline(timeoutMs);
    if (read !== undefined && read.bytes.length > 0) wire.unshift(read.bytes);
    const deps = {
      onSecured: (facts: ClientTlsFacts) => this.#onSecured(facts),
      onFailed: (failure: TlsFailure) => this.#failHandshake(failure),
      onError: () => this.#onReset("client"),
    };
    this.#client.secure(beginClientHandshake(deps, tls, wire));
  }

  connect(target: Address, terms: ConnectTerms): void {
    if (!this.#isWaiting()) return;
    const tls = terms.tls && this.#secureDial(terms.tls);
    if (tls === "unknown") return this.#tellFailed("EINVAL");
    this.#state = "connecting";
    this.#terms = terms;
    const backend = this.#own(openTowards(target, this.#host.lookup));
    this.#backend = backend;
    const deps = {
      onConnected: () => this.#onConnected(backend),
      onFailed: (code: string) => this.#onDialFailed(backend, code),
      onError: () => this.#onBackendError(backend),
    };
    dialBackend(deps, { backend, target, terms, tls });
    if (terms.connectTimeoutMs > 0) this.#setDeadline(terms.connectTimeoutMs);
  }

  close(how: CloseHow, reason: CloseReason): void {
    const cut = how === "abort" ? "reset" : "close";
    if (this.#state === "closing") {
      if (how === "abort") this.#destroy(cut);
    } else if (how === "flush" && this.#isSpoken()) this.#flush(reason);
    else this.#cut(cut, reason);
  }

  /** Bytes so far; final once both sockets have closed. */
  moved(): MovedBytes {
    return {
      connection: this.id,
      rxBytes: this.#relay?.rxBytes ?? 0,
      txBytes: this.#relay?.txBytes ?? 0,
    };
  }

  /** There are bytes on their way, or a client that is owed a `close_notify`. */
  #isSpoken(): boolean {
    return this.#state === "relaying" || (this.#client.isSecured && this.#state !== "securing");
  }

  #isWaiting(): boolean {
    return this.#state === "accepted" && !this.#client.wire.destroyed;
  }

  #own(socket: Socket): Side {
    this.#openSides += 1;
    return new Side(socket, (side) => this.#onSideClosed(side));
  }

  #secureDial(how: ConnectTls): SecureDial | "unknown" {
    const tls = this.#host.tls.backend(how.terms);
    return tls === undefined ? "unknown" : { with: tls, how };
  }

  #onSecured(tls: ClientTlsFacts): void {
    if (this.#state !== "securing") return;
    this.#state = "accepted";
    this.#host.deadlines.clear(this.#deadline);
    this.#host.tell({ kind: "secured", connection: this.id, tls });
  }

  #failHandshake(failure: TlsFailure): void {
    if (this.#state === "closing") return;
    this.#tlsFailure = failure;
    this.#cut("close", "handshake-failed");
  }

  #onConnected(backend: Side): void {
    const terms = this.#terms;
    if (backend !== this.#backend || this.#state !== "connecting" || terms === undefined) return;
    this.#state = "relaying";
    this.#relay = new BothWays({
      client: this.#client.stream,
      backend: backend.stream,
      terms,
      monotonicMs: this.#host.monotonicMs,
      onMoved: () => this.#host.onMoved(this),
      onEnded: (from) => this.#onEnded(from),
    });
    this.#host.tell({ kind: "connected", connection: this.id });
    this.#relay.start(this.#readSoFar());
    this.#watchSilence(this.#host.monotonicMs());
  }

  /** TLS reads ahead: a client may have ended before anybody wanted its bytes. */
  #readSoFar(): ReturnType<FirstBytes["release"]> | undefined {
    const { isSecured, stream } = this.#client;
    return isSecured
      ? { bytes: Buffer.alloc(0), hasEnded: stream.readableEnded }
      : this.#first?.release();
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

  #onBackendError(backend: Side): void {
    if (backend === this.#backend) this.#onReset("backend");
  }

  #onDialFailed(backend: Side, code: string): void {
    if (backend === this.#backend && this.#state === "connecting") this.#fail(code);
  }

  /** The dial failed: the client waits for another one. */
  #fail(code: string): void {
    this.#state = "accepted";
    this.#host.deadlines.clear(this.#deadline);
    this.#backend?.cut("close");
    this.#backend = undefined;
    this.#tellFailed(code);
  }

  #tellFailed(code: string): void {
    this.#host.tell({ kind: "failed", connection: this.id, code, mayRetry: true });
  }

  /**
   * A reset from a side that had ended its stream is the answer to what was still sent to it: what
   * it had said before is complete, and is still delivered.
   */
  #onReset(side: "client" | "backend"): void {
    if (this.#state === "closing") return;
    if (this.#state === "securing") return this.#failHandshake("ended");
    if (this.#relay?.hasEnded(side) !== true) return this.#cut("reset", `${side}-reset`);
    const other = side === "client" ? this.#backend : this.#client;
    const reason = this.#reason ?? `${side}-closed`;
    if (other === undefined || other.stream.writableLength === 0) this.#cut("reset", reason);
    else this.#flush(reason);
  }

  /** Sends what is queued and ends both streams, then waits for the peers' ends, within a bound. */
  #flush(reason: CloseReason): void {
    this.#state = "closing";
    this.#reason = reason;
    if (this.#relay === undefined) this.#client.stream.resume();
    this.#relay?.discard();
    this.#client.end();
    this.#backend?.end();
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
    this.#client.cut(how);
    this.#backend?.cut(how);
  }

  /** Called by `Deadlines`. */
  onDue(nowMs: number): void {
    switch (this.#state) {
      case "accepted":
        return;
      case "peeking":
        return this.#onPeeked("timeout");
      case "securing":
        return this.#cut("close", "handshake-timeout");
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
    const { stream } = this.#client;
    return stream.writableLength > 0 || (this.#backend?.stream.writableLength ?? 0) > 0;
  }

  /** Closes the connection when it has been silent for too long, otherwise looks again in time. */
  #watchSilence(nowMs: number): void {
    const deadline = this.#relay?.idleDeadline(nowMs);
    if (deadline === undefined) return;
    if (deadline.atMs <= nowMs) this.#cut("close", deadline.reason);
    else this.#host.deadlines.set(this.#deadline, deadline.atMs);
  }

  #setDeadline(delayMs: number): void {
    this.#host.deadlines.set(this.#deadline, this.#host.monotonicMs() + delayMs);
  }

  #onSideClosed(side: Side): void {
    this.#openSides -= 1;
    const hadNoBackend = this.#state !== "relaying" && this.#state !== "closing";
    if (side === this.#client && hadNoBackend) this.#cut("close", "client-closed");
    if (this.#openSides > 0) return;
    this.#host.deadlines.clear(this.#deadline);
    const { rxBytes, txBytes } = this.moved();
    const reason = this.#reason ?? "client-closed";
    const why = this.#tlsFailure === undefined ? {} : { tlsFailure: this.#tlsFailure };
    this.#host.tell({ kind: "closed", connection: this.id, reason, ...why, rxBytes, txBytes });
    this.#host.onClosed(this);
  }
}
