import type { Socket } from "node:dgram";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import { datagramQueueBytesMax, heldDatagramsMax } from "#shared/base/limits.ts";

import type {
  DatagramDropReason,
  DatagramTarget,
  MovedDatagrams,
  SessionEndReason,
  SessionId,
  SessionTerms,
} from "../datagrams.ts";
import { ClientProof } from "./client-proof.ts";
import { Deadline, type DeadlineOwner, type Deadlines } from "./deadlines.ts";
import type { ResolvedHost } from "./resolve-host.ts";
import { sessionDeadline } from "./session-silence.ts";
import { udpSocket } from "./udp-socket.ts";

/** Where a client is, in the form that its listener's socket sends to. */
export interface ClientPlace {
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

/** What a session needs of whoever keeps it. */
export interface SessionHost {
  readonly deadlines: Deadlines;
  readonly monotonicMs: () => number;
  /** Turns a name into an address; an address is answered within the call. */
  readonly resolve: (host: string, onAnswer: ResolvedHost) => void;
  /** Takes so many bytes into what may be held, or says that there is no room; negative gives back. */
  readonly hold: (bytes: number) => boolean;
  readonly drop: (reason: DatagramDropReason) => void;
  /** Sends a reply to the client; the callback has the system's refusal, if there is one. */
  readonly reply: (client: ClientPlace, bytes: Buffer, onSent: (code?: string) => void) => void;
  readonly onMoved: (session: DatagramSession) => void;
  /** It was answered with a backend. */
  readonly onForwarded: (session: DatagramSession) => void;
  /** It was answered without one, and is over. */
  readonly onRefused: (session: DatagramSession) => void;
  /** The client has spoken, and may be proven by it. */
  readonly onSpoke: (session: DatagramSession) => void;
  /** The client's next datagram is not this session's any more. */
  readonly onDetached: (session: DatagramSession) => void;
  readonly onFailed: (session: DatagramSession, code: string) => void;
  /** Datagrams that are another session's. */
  readonly onLeft: (client: ClientPlace, left: readonly Buffer[]) => void;
  readonly onEnded: (session: DatagramSession, reason: SessionEndReason) => void;
}

/**
 * One client and its backend. Owns the socket towards the backend.
 *
 * waiting (for an answer, with datagrams held) → opening → open → ended; a failure leads back to
 * waiting.
 */
export class DatagramSession implements DeadlineOwner {
  readonly id: SessionId;
  readonly client: ClientPlace;
  readonly #host: SessionHost;
  readonly #proof = new ClientProof();
  readonly #deadline = new Deadline(this);
  #state: "waiting" | "opening" | "open" | "ended" = "waiting";
  /** Undefined while nothing is held, which is most of its life. */
  #held: Buffer[] | undefined;
  #backend: Socket | undefined;
  #terms: SessionTerms | undefined;
  #clientSeenMs = 0;
  #backendSeenMs = 0;
  #requestsDoneMs: number | undefined;
  #requests = 0;
  #responses = 0;
  #rxBytes = 0;
  #txBytes = 0;
  #rxDatagrams = 0;
  #txDatagrams = 0;

  constructor(id: SessionId, client: ClientPlace, host: SessionHost) {
    this.id = id;
    this.client = client;
    this.#host = host;
  }

  /** Awaits `forward` or `refuse`. */
  get isWaiting(): boolean {
    return this.#state === "waiting";
  }

  get clientSeenMs(): number {
    return this.#clientSeenMs;
  }

  get isProven(): boolean {
    return this.#proof.isGiven;
  }

  get moved(): MovedDatagrams {
    return {
      session: this.id,
      rxBytes: this.#rxBytes,
      txBytes: this.#txBytes,
      rxDatagrams: this.#rxDatagrams,
      txDatagrams: this.#txDatagrams,
    };
  }

  /** A datagram of the client. */
  take(bytes: Buffer): void {
    if (this.#state === "open") return this.#send(bytes);
    if (this.#state === "ended") return;
    if (this.#held?.length === heldDatagramsMax || !this.#host.hold(bytes.length)) {
      return this.#host.drop("held-full");
    }
    this.#held ??= [];
    this.#held.push(bytes);
  }

  forward(target: DatagramTarget, terms: SessionTerms): void {
    if (this.#state !== "waiting") return;
    this.#state = "opening";
    this.#terms = terms;
    this.#host.onForwarded(this);
    const nowMs = this.#host.monotonicMs();
    this.#clientSeenMs = nowMs;
    this.#backendSeenMs = nowMs;
    this.#watchSilence();
    this.#host.resolve(target.host, (code, address) => {
      if (this.#state !== "opening" || this.#backend !== undefined) return;
      if (code === undefined) this.#open({ host: address, port: target.port }, terms);
      else this.#fail(code);
    });
  }

  /** Forgets a session that awaits its answer. */
  refuse(): void {
    if (this.#state !== "waiting") return;
    this.#state = "ended";
    this.#host.onRefused(this);
    this.#takeHeld();
  }

  /** Ends a session that was forwarded. */
  end(reason: SessionEndReason): void {
    if (this.#state !== "opening" && this.#state !== "open") return;
    const held = this.#takeHeld();
    this.#end(reason, reason === "backend-lost" ? held : []);
  }

  /** Called by `Deadlines`. */
  onDue(): void {
    this.#watchSilence();
  }

  #open({ host, port }: DatagramTarget, { localAddress }: SessionTerms): void {
    const backend = udpSocket(host);
    this.#backend = backend;
    backend.on("error", (error) => this.#onError(backend, systemErrorCode(error) ?? "EUNKNOWN"));
    backend.on("message", (bytes) => this.#onReply(bytes));
    backend.once("connect", () => this.#onOpen(backend));
    try {
      if (localAddress !== undefined) {
        backend.bind({ port: 0, address: localAddress, exclusive: true });
      }
      backend.connect(port, host);
    } catch (error) {
      this.#onError(backend, systemErrorCode(error) ?? errorText(error));
    }
  }

  #onOpen(backend: Socket): void {
    if (this.#state !== "opening" || backend !== this.#backend) return;
    this.#state = "open";
    this.#proof.begin(this.#host.monotonicMs());
    const held = this.#takeHeld();
    for (const [index, bytes] of held.entries()) {
      if (this.#requestsDoneMs !== undefined) {
        return this.#host.onLeft(this.client, held.slice(index));
      }
      this.#send(bytes);
    }
  }

  #onError(backend: Socket, code: string): void {
    if (backend !== this.#backend || this.#state === "ended") return;
    if (this.#state === "open") return this.#end("backend-refused", []);
    this.#backend = undefined;
    backend.close();
    this.#fail(code);
  }

  #fail(code: string): void {
    this.#state = "waiting";
    this.#host.deadlines.clear(this.#deadline);
    this.#host.onFailed(this, code);
  }

  #send(bytes: Buffer): void {
    const [backend, terms] = [this.#backend, this.#terms];
    if (backend === undefined || terms === undefined) return;
    this.#clientSeenMs = this.#host.monotonicMs();
    this.#proof.heard(this.#clientSeenMs);
    this.#requests += 1;
    this.#host.onSpoke(this);
    if (this.#requests === terms.maxRequests) this.#detach();
    if (backend.getSendQueueSize() > datagramQueueBytesMax) return this.#host.drop("send-full");
    backend.send(bytes, (error) => {
      if (error === null) this.#sent(bytes.length);
      else this.#onSendFailed(bytes, systemErrorCode(error));
    });
  }

  #sent(bytes: number): void {
    this.#txDatagrams += 1;
    this.#txBytes += bytes;
    this.#host.onMoved(this);
  }

  /** The system tells with one datagram what became of an earlier one: this one was not sent. */
  #onSendFailed(bytes: Buffer, code: string | undefined): void {
    if (this.#state !== "open") return;
    if (code === "EMSGSIZE") this.#host.drop("too-large");
    else this.#end("backend-refused", [bytes]);
  }

  #onReply(bytes: Buffer): void {
    const { maxResponses = 0 } = this.#terms ?? {};
    if (this.#state !== "open" || (maxResponses > 0 && this.#responses === maxResponses)) return;
    this.#backendSeenMs = this.#host.monotonicMs();
    this.#proof.answered(this.#backendSeenMs);
    this.#responses += 1;
    const isLast = this.#responses === maxResponses;
    this.#host.reply(this.client, bytes, (code) => {
      if (code === undefined) {
        this.#rxDatagrams += 1;
        this.#rxBytes += bytes.length;
        this.#host.onMoved(this);
      }
      if (isLast && this.#state === "open") this.#end("responses-done", []);
    });
  }

  #detach(): void {
    this.#requestsDoneMs = this.#host.monotonicMs();
    this.#host.onDetached(this);
    this.#watchSilence();
  }

  #takeHeld(): readonly Buffer[] {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#host.hold(-held.reduce((sum, { length }) => sum + length, 0));
    return held;
  }

  /** Ends the session when it has been silent for too long, otherwise looks again in time. */
  #watchSilence(): void {
    if (this.#terms === undefined) return;
    const deadline = sessionDeadline(this.#terms, {
      clientSeenMs: this.#clientSeenMs,
      backendSeenMs: this.#backendSeenMs,
      requestsDoneMs: this.#requestsDoneMs,
    });
    if (deadline === undefined) return;
    if (deadline.atMs <= this.#host.monotonicMs()) this.end(deadline.reason);
    else this.#host.deadlines.set(this.#deadline, deadline.atMs);
  }

  #end(reason: SessionEndReason, left: readonly Buffer[]): void {
    this.#state = "ended";
    this.#host.deadlines.clear(this.#deadline);
    this.#backend?.close();
    // What was sent in this turn is confirmed in the next one, and belongs to the sums.
    process.nextTick(() => {
      this.#host.onEnded(this, reason);
      if (left.length > 0) this.#host.onLeft(this.client, left);
    });
  }
}
