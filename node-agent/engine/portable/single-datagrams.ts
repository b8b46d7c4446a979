import type { DatagramEvent, DatagramTarget, SessionId, SessionTerms } from "../datagrams.ts";
import type { DatagramListener } from "./datagram-listener.ts";
import type { HeldBytes } from "./held-bytes.ts";
import type { ResolvedHost } from "./resolve-host.ts";

export interface SingleDatagramsDeps {
  readonly held: HeldBytes;
  readonly resolve: (host: string, onAnswer: ResolvedHost) => void;
  readonly tell: (event: DatagramEvent) => void;
}

/** One datagram by itself, until it has an answer. */
interface SingleDatagram {
  readonly listener: DatagramListener;
  readonly bytes: Buffer;
}

/** Datagrams that belong to no session, each under an id of its own while it awaits its answer. */
export class SingleDatagrams {
  readonly #deps: SingleDatagramsDeps;
  readonly #waiting = new Map<SessionId, SingleDatagram>();

  constructor(deps: SingleDatagramsDeps) {
    this.#deps = deps;
  }

  /** False: there is no room to hold it. */
  take(id: SessionId, single: SingleDatagram): boolean {
    if (!this.#deps.held.hold(single.bytes.length)) return false;
    this.#waiting.set(id, single);
    return true;
  }

  /** Means nothing for an id that is not one of these. */
  forward(id: SessionId, target: DatagramTarget, { localAddress }: SessionTerms): void {
    if (!this.#waiting.has(id)) return;
    this.#deps.resolve(target.host, (code, address) => {
      const single = this.#waiting.get(id);
      if (single === undefined) return;
      if (code !== undefined) {
        return this.#deps.tell({ kind: "session-failed", session: id, code });
      }
      this.refuse(id);
      const { listener, bytes } = single;
      listener.singles.send({ address, target, localAddress, bytes });
    });
  }

  /** Forgets one; means nothing for an id that is not one of these. */
  refuse(id: SessionId): void {
    const single = this.#waiting.get(id);
    if (single === undefined) return;
    this.#waiting.delete(id);
    this.#deps.held.hold(-single.bytes.length);
  }

  /** Nobody may answer those of a listener that is gone. */
  forget(listener: DatagramListener): void {
    for (const [id, single] of this.#waiting) {
      if (single.listener === listener) this.refuse(id);
    }
  }
}
