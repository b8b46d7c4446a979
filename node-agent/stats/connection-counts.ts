import { totalColumn } from "../pool/counter-memory.ts";
import type { SlotRef } from "../pool/pool-view.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";

/** Bytes of one connection, as counted so far. */
export interface CountedBytes {
  rxBytes: number;
  txBytes: number;
}

/**
 * What is counted when, in one place.
 *
 * `connections`: reached a backend. `refused`: dials that failed, each of them, so a client that
 * needed two backends leaves one refusal. `rejected`: closed without a dial. Bytes count for the
 * backend; a balancer's numbers are the sums over its backends, but for `rejected` and the number of
 * its clients, which it counts itself.
 */
export class ConnectionCounts {
  readonly #counters: WorkerCounters;

  constructor(counters: WorkerCounters) {
    this.#counters = counters;
  }

  /** A client was turned away, or found no backend to dial. */
  rejected(balancer: SlotRef): void {
    this.#counters.count(balancer, totalColumn.rejected, 1);
  }

  /**
   * A dial to an acquired backend failed: its place is free again. When the reason lies on this host
   * it is a refusal all the same, but nothing to hold against the backend.
   */
  dialFailed(backend: SlotRef, { isOwnLack }: { readonly isOwnLack: boolean }): void {
    if (!isOwnLack) this.#counters.dialled(backend, "failed");
    this.#counters.count(backend, totalColumn.refused, 1);
    this.#counters.release(backend);
  }

  /** A dial to an acquired backend was given up with its client: nobody's failure. */
  dialEnded(backend: SlotRef): void {
    this.#counters.release(backend);
  }

  connected(backend: SlotRef): void {
    this.#counters.dialled(backend, "reached");
    this.#counters.count(backend, totalColumn.connections, 1);
    this.#counters.activate(backend, 1);
  }

  /** A session's first datagram is on its way to an acquired backend: UDP knows no more. */
  forwarded(backend: SlotRef): void {
    this.#counters.count(backend, totalColumn.connections, 1);
    this.#counters.activate(backend, 1);
  }

  /** Nothing could be sent to the backend of a session: its place is free again. */
  forwardFailed(backend: SlotRef, lack: { readonly isOwnLack: boolean }): void {
    this.#counters.activate(backend, -1);
    this.dialFailed(backend, lack);
  }

  /** The backend has answered. */
  answered(backend: SlotRef): void {
    this.#counters.dialled(backend, "reached");
  }

  /** Its host says that nobody receives there; the session holds its place still. */
  unheard(backend: SlotRef): void {
    this.#counters.dialled(backend, "failed");
    this.#counters.count(backend, totalColumn.refused, 1);
  }

  /** A datagram without a session, sent to an acquired backend, whose place is free again. */
  sentAlone(backend: SlotRef, bytes: number): void {
    this.#counters.count(backend, totalColumn.txBytes, bytes);
    this.#counters.release(backend);
  }

  /** Counts what is new since `counted`, and takes it over. */
  moved(backend: SlotRef, counted: CountedBytes, bytes: Readonly<CountedBytes>): void {
    this.#counters.count(backend, totalColumn.rxBytes, bytes.rxBytes - counted.rxBytes);
    this.#counters.count(backend, totalColumn.txBytes, bytes.txBytes - counted.txBytes);
    counted.rxBytes = bytes.rxBytes;
    counted.txBytes = bytes.txBytes;
  }

  /** A connection that had reached its backend is over. */
  disconnected(backend: SlotRef): void {
    this.#counters.activate(backend, -1);
    this.#counters.release(backend);
  }

  /** An admitted client is gone, however far it had come. */
  left(balancer: SlotRef): void {
    this.#counters.release(balancer);
  }
}
