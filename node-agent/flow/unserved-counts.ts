import type { DatagramDropReason } from "../engine/datagrams.ts";
import type { CloseReason } from "../engine/engine.ts";
import type { Notice } from "./worker-protocol.ts";

/** What a balancer did not serve since it began, by reason; reasons of which there was none are absent. */
export interface Unserved {
  readonly turnedAway: Readonly<Partial<Record<CloseReason, number>>>;
  /** Sessions that made room for others. */
  readonly sessionsEvicted: number;
  readonly datagramsDropped: Readonly<Partial<Record<DatagramDropReason, number>>>;
}

/**
 * Adds up what workers tell: a second late, and without the last second of a worker that dies. The
 * reasons are closed lists, so a balancer has a bounded number of counts.
 */
export class UnservedCounts {
  readonly #turnedAway = new Map<CloseReason, number>();
  readonly #datagramsDropped = new Map<DatagramDropReason, number>();
  #sessionsEvicted = 0;

  /** Counts a notice that tells of something unserved; others are no matter of this. */
  add(notice: Notice): void {
    if (notice.kind === "turned-away") raise(this.#turnedAway, notice.reason, notice.count);
    if (notice.kind === "sessions-evicted") this.#sessionsEvicted += notice.count;
    if (notice.kind === "datagrams-dropped") {
      raise(this.#datagramsDropped, notice.reason, notice.count);
    }
  }

  read(): Unserved {
    return {
      turnedAway: Object.fromEntries(this.#turnedAway),
      sessionsEvicted: this.#sessionsEvicted,
      datagramsDropped: Object.fromEntries(this.#datagramsDropped),
    };
  }
}

function raise<Reason>(counts: Map<Reason, number>, reason: Reason, count: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + count);
}
