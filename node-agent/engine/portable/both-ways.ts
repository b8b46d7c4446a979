import type { Socket } from "node:net";

import type { ConnectTerms } from "../engine.ts";
import { Direction } from "./direction.ts";
import { idleDeadline, type IdleDeadline } from "./idle.ts";

type End = "client" | "backend";

export interface BothWaysDeps {
  readonly client: Socket;
  readonly backend: Socket;
  readonly terms: Pick<ConnectTerms, "clientIdleMs" | "backendIdleMs" | "idleMode">;
  readonly monotonicMs: () => number;
  /** Bytes were taken from one of them. */
  readonly onMoved: () => void;
  /** One of them has ended its stream. */
  readonly onEnded: (from: End) => void;
}

/** The bytes between a client and its backend, in both directions, and their silence. */
export class BothWays {
  readonly #terms: BothWaysDeps["terms"];
  readonly #fromClient: Direction;
  readonly #fromBackend: Direction;

  constructor(deps: BothWaysDeps) {
    const { client, backend, terms, monotonicMs, onMoved } = deps;
    this.#terms = terms;
    const direction = (from: End, ends: { source: Socket; sink: Socket }): Direction =>
      new Direction({ ...ends, monotonicMs, onMoved, onEnded: () => deps.onEnded(from) });
    this.#fromClient = direction("client", { source: client, sink: backend });
    this.#fromBackend = direction("backend", { source: backend, sink: client });
  }

  /** Bytes so far that the system has taken for the client, and for the backend. */
  get rxBytes(): number {
    return this.#fromBackend.movedBytes();
  }

  get txBytes(): number {
    return this.#fromClient.movedBytes();
  }

  /** Starts reading both, after what was read of the client already. */
  start(read: Parameters<Direction["start"]>[0]): void {
    this.#fromClient.start(read);
    this.#fromBackend.start(undefined);
  }

  /** From now on what they send is read and thrown away. */
  discard(): void {
    this.#fromClient.discard();
    this.#fromBackend.discard();
  }

  hasEnded(from: End): boolean {
    return (from === "client" ? this.#fromClient : this.#fromBackend).hasEnded;
  }

  /** When their silence ends the connection; undefined when it never does. */
  idleDeadline(nowMs: number): IdleDeadline | undefined {
    const sides = { client: this.#fromClient, backend: this.#fromBackend };
    return idleDeadline({ ...sides, terms: this.#terms, nowMs });
  }
}
