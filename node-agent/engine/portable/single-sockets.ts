import type { Socket } from "node:dgram";

import { systemErrorCode } from "#shared/base/fault.ts";
import { datagramQueueBytesMax, singleSocketIdleMs } from "#shared/base/limits.ts";

import type { DatagramDropReason, DatagramTarget } from "../datagrams.ts";
import { Deadline, type Deadlines } from "./deadlines.ts";
import { udpSocket } from "./udp-socket.ts";

export interface SingleSocketsDeps {
  readonly deadlines: Deadlines;
  readonly monotonicMs: () => number;
  readonly drop: (reason: DatagramDropReason) => void;
  /** The target's host says that nobody receives there. */
  readonly onRefused: (target: DatagramTarget) => void;
}

export interface SingleSend {
  /** Where to, with an address for a host; and the same as the flow named it. */
  readonly address: string;
  readonly target: DatagramTarget;
  readonly localAddress: string | undefined;
  readonly bytes: Buffer;
}

interface SharedSocket {
  readonly socket: Socket;
  readonly deadline: Deadline;
  usedMs: number;
  /** Sent once the socket is connected; undefined from then on. */
  early: Buffer[] | undefined;
}

/** Sockets towards backends that single datagrams of all clients share, one for each target. */
export class SingleSockets {
  readonly #deps: SingleSocketsDeps;
  readonly #sockets = new Map<string, SharedSocket>();

  constructor(deps: SingleSocketsDeps) {
    this.#deps = deps;
  }

  send(wish: SingleSend): void {
    const key = `${wish.localAddress ?? ""} ${wish.address} ${wish.target.port}`;
    const shared = this.#sockets.get(key) ?? this.#open(key, wish);
    shared.usedMs = this.#deps.monotonicMs();
    if (shared.early === undefined) this.#send(shared.socket, wish);
    else if (shared.early.length < earlyMax) shared.early.push(wish.bytes);
    else this.#deps.drop("held-full");
  }

  stop(): void {
    for (const key of this.#sockets.keys()) this.#close(key);
  }

  #open(key: string, wish: SingleSend): SharedSocket {
    const { deadlines, monotonicMs } = this.#deps;
    const socket = udpSocket(wish.address);
    const deadline = new Deadline({ onDue: (nowMs) => this.#lookAt(key, nowMs) });
    const shared: SharedSocket = { socket, deadline, usedMs: monotonicMs(), early: [] };
    this.#sockets.set(key, shared);
    deadlines.set(deadline, shared.usedMs + singleSocketIdleMs);
    socket.on("error", (error) => this.#onError(key, shared, { wish, error }));
    // Replies have nobody to go to.
    socket.on("message", () => undefined);
    socket.once("connect", () => {
      const early = shared.early ?? [];
      shared.early = undefined;
      for (const bytes of early) this.#send(socket, { ...wish, bytes });
    });
    if (wish.localAddress !== undefined) {
      socket.bind({ port: 0, address: wish.localAddress, exclusive: true });
    }
    socket.connect(wish.target.port, wish.address);
    return shared;
  }

  #send(socket: Socket, { bytes, target }: SingleSend): void {
    const { drop, onRefused } = this.#deps;
    if (socket.getSendQueueSize() > datagramQueueBytesMax) return drop("send-full");
    socket.send(bytes, (error) => {
      if (error === null) return;
      const code = systemErrorCode(error);
      if (code === "ECONNREFUSED") onRefused(target);
      drop(code === "EMSGSIZE" ? "too-large" : "send-failed");
    });
  }

  /** A socket that never came to be connected takes what it was given with it. */
  #onError(
    key: string,
    { early }: SharedSocket,
    { wish, error }: { readonly wish: SingleSend; readonly error: Error },
  ): void {
    if (systemErrorCode(error) === "ECONNREFUSED") this.#deps.onRefused(wish.target);
    if (early === undefined) return;
    for (let count = 0; count < early.length; count += 1) this.#deps.drop("send-failed");
    this.#close(key);
  }

  #lookAt(key: string, nowMs: number): void {
    const shared = this.#sockets.get(key);
    if (shared === undefined) return;
    const idleAtMs = shared.usedMs + singleSocketIdleMs;
    if (idleAtMs <= nowMs) this.#close(key);
    else this.#deps.deadlines.set(shared.deadline, idleAtMs);
  }

  #close(key: string): void {
    const shared = this.#sockets.get(key);
    if (shared === undefined) return;
    this.#sockets.delete(key);
    this.#deps.deadlines.clear(shared.deadline);
    shared.socket.close();
  }
}

/** Datagrams that wait for a socket to be connected, which is a turn of the loop. */
const earlyMax = 256;
