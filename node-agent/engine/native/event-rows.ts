import { getSystemErrorName } from "node:util";

import { closeReasons, type EngineEvent, type Peer } from "../engine.ts";
import { tlsFailures, type ClientTlsFacts, type TlsFailure } from "../tls-terms.ts";

/** Rows that cross at once; `src/events.h` has the same layout. */
const eventRows = 2_048;
const eventFields = 6;
const eventKinds = {
  accepted: 1,
  connected: 2,
  failed: 3,
  closed: 4,
  acceptFailed: 5,
  peeked: 6,
  secured: 7,
} as const;
const peekOutcomes = ["more", "ended", "timeout"] as const;

/** What a row does not hold and somebody has to ask the addon for. */
export interface EventAsker {
  /** An IPv4 client's address and port as the row has them; an address below 0 for any other. */
  readonly peerOf: (row: {
    connection: number;
    listener: number;
    address: number;
    port: number;
  }) => Peer;
  readonly firstBytesOf: (connection: number) => Uint8Array;
  /** Undefined of a connection that is gone meanwhile. */
  readonly tlsFactsOf: (connection: number) => ClientTlsFacts | undefined;
  /** What is not about connections. */
  readonly datagramEventAt: (memory: Float64Array, at: number) => EngineEvent | undefined;
}

/** The memory that the addon writes its events into, and what stands there. */
export class EventRows {
  readonly memory = new Float64Array(eventRows * eventFields);
  readonly #asker: EventAsker;

  constructor(asker: EventAsker) {
    this.#asker = asker;
  }

  /** The first `count` rows. */
  read(count: number): readonly EngineEvent[] {
    const events: EngineEvent[] = [];
    for (let row = 0; row < count; row += 1) {
      const event = this.#eventAt(row * eventFields);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  #eventAt(at: number): EngineEvent | undefined {
    const connection = this.#field(at + 1);
    const detail = this.#field(at + 2);
    switch (this.#field(at)) {
      case eventKinds.accepted: {
        const address = this.#field(at + 3);
        const port = this.#field(at + 4);
        const peer = this.#asker.peerOf({ connection, listener: detail, address, port });
        return { kind: "accepted", connection, listener: detail, peer };
      }
      case eventKinds.peeked: {
        const outcome = peekOutcomes[detail] ?? "ended";
        return { kind: "peeked", connection, bytes: this.#asker.firstBytesOf(connection), outcome };
      }
      case eventKinds.connected:
        return { kind: "connected", connection };
      case eventKinds.secured: {
        const tls = this.#asker.tlsFactsOf(connection);
        return tls === undefined ? undefined : { kind: "secured", connection, tls };
      }
      case eventKinds.failed:
        return { kind: "failed", connection, code: this.#dialErrorAt(at), mayRetry: true };
      case eventKinds.closed:
        return this.#closedAt(at);
      case eventKinds.acceptFailed: {
        const code = getSystemErrorName(-this.#field(at + 3));
        return { kind: "accept-failed", listener: detail, code };
      }
      default:
        return this.#asker.datagramEventAt(this.memory, at);
    }
  }

  #dialErrorAt(at: number): string {
    const failure = this.#failureAt(at + 3);
    return failure === undefined ? getSystemErrorName(-this.#field(at + 2)) : `tls-${failure}`;
  }

  #closedAt(at: number): EngineEvent {
    const closed = {
      kind: "closed",
      connection: this.#field(at + 1),
      reason: closeReasons[this.#field(at + 2)] ?? "stopped",
      rxBytes: this.#field(at + 3),
      txBytes: this.#field(at + 4),
    } as const;
    const tlsFailure = this.#failureAt(at + 5);
    return tlsFailure === undefined ? closed : { ...closed, tlsFailure };
  }

  /** Counted from 1; 0 is none. */
  #failureAt(at: number): TlsFailure | undefined {
    const failure = this.#field(at);
    // An index below 0 is looked up like a name, which costs more than all the rest of the row.
    return failure === 0 ? undefined : tlsFailures[failure - 1];
  }

  #field(at: number): number {
    return this.memory[at] ?? 0;
  }
}
