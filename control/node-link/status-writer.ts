import { backoffMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { NodeId } from "#shared/base/ids.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { lastSeenMs, receiptMsMax, sentMsMax, storageRetryMsMax } from "#shared/base/limits.ts";
import type { HelloFrame, NodeEvent } from "#shared/wire/node-frames.ts";

import { createFlipLog, type FlipLog } from "../flip-log.ts";
import type { Log } from "../log.ts";
import type { NodeWrites } from "../node-rows.ts";
import type { Receipt, StatusChange } from "./link-machine-events.ts";
import { WaitingWrites } from "./waiting-writes.ts";

/** The link that something was heard on. */
export interface HeardLink {
  readonly nodeId: NodeId;
  readonly generation: number;
  readonly session: string;
}

export interface StatusWriterDeps {
  /** Stores what nodes said; rejects as storage does. */
  readonly write: (writes: NodeWrites) => Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Names this process among the instances of one control plane. */
  readonly instance: string;
}

/**
 * Writes down what nodes say, many at once: answers within milliseconds, what was sent to them
 * within a second, heartbeats every ten. While Postgres is away it keeps the newest of each node,
 * bounded, and links stay.
 */
export class StatusWriter implements Stoppable {
  readonly name = "status-writer";
  readonly #deps: StatusWriterDeps;
  readonly #waiting: WaitingWrites;
  readonly #trouble: FlipLog;
  #soon: Timer | undefined;
  #later: { readonly timer: Timer; readonly dueMs: number } | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #stopped = false;

  constructor(deps: StatusWriterDeps) {
    this.#deps = deps;
    this.#waiting = new WaitingWrites(deps.instance);
    this.#trouble = createFlipLog(deps.log, "status-write");
  }

  introduced(link: HeardLink, hello: HelloFrame): void {
    this.#waiting.hello(link, hello);
    this.#planSoon();
  }

  /** @param soon whether somebody may be waiting to see it */
  changed(link: HeardLink, change: StatusChange, soon: boolean): void {
    this.#waiting.status(link, { change, atMs: this.#deps.clock.nowMs(), soon });
    if (soon) this.#planSoon();
    else this.#planLater(lastSeenMs);
  }

  reached(link: HeardLink, receipt: Receipt): void {
    this.#waiting.receipt(link, receipt, this.#deps.clock.nowMs());
    if (receipt.phase === "sent") this.#planLater(sentMsMax);
    else this.#planSoon();
  }

  happened(link: HeardLink, events: readonly NodeEvent[]): void {
    this.#waiting.events(link, events, this.#deps.clock.nowMs());
    this.#planSoon();
  }

  /** Writes what waits, once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#soon?.stop();
    this.#later?.timer.stop();
    await this.#writing;
    await this.#writeAll(true);
  }

  #planSoon(): void {
    if (this.#soon !== undefined || this.#stopped) return;
    this.#soon = this.#deps.clock.after(this.#pauseMs(), () => {
      this.#soon = undefined;
      this.#start(false);
    });
  }

  #planLater(delayMs: number): void {
    const dueMs = this.#deps.clock.monotonicMs() + delayMs;
    if (this.#stopped || (this.#later !== undefined && this.#later.dueMs <= dueMs)) return;
    this.#later?.timer.stop();
    const timer = this.#deps.clock.after(delayMs, () => {
      this.#later = undefined;
      this.#start(true);
    });
    this.#later = { timer, dueMs };
  }

  #pauseMs(): number {
    if (this.#failures === 0) return receiptMsMax;
    const bounds = { firstMs: 100, maxMs: storageRetryMsMax };
    return receiptMsMax + backoffMs(this.#failures, bounds, this.#deps.random);
  }

  #start(all: boolean): void {
    if (this.#writing !== undefined) return all ? this.#planLater(sentMsMax) : this.#planSoon();
    this.#writing = this.#writeAll(all).finally(() => {
      this.#writing = undefined;
      if (this.#waiting.hasUrgent) this.#planSoon();
    });
  }

  async #writeAll(all: boolean): Promise<void> {
    for (let more = true; more;) {
      const writes = this.#waiting.take(all);
      if (writes === undefined) return;
      // oxlint-disable-next-line no-await-in-loop -- one statement at a time
      more = await this.#writeOrKeep(writes);
    }
  }

  /** Whether it went well enough to go on. */
  async #writeOrKeep(writes: NodeWrites): Promise<boolean> {
    try {
      await this.#writeIsolated(writes);
      this.#failures = 0;
      this.#trouble.worked("nodes");
      return true;
    } catch (error) {
      this.#failures += 1;
      this.#trouble.failed("nodes", error);
      this.#waiting.giveBack(writes);
      return false;
    }
  }

  /** What Postgres refuses for its content is narrowed down and left out: the others count. */
  async #writeIsolated(writes: NodeWrites): Promise<void> {
    try {
      await this.#deps.write(writes);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const parts = partsOf(writes);
      if (parts === undefined) {
        return this.#deps.log.error("status-write.left-out", { error });
      }
      for (const part of parts) {
        // oxlint-disable-next-line no-await-in-loop -- one statement at a time
        await this.#writeIsolated(part);
      }
    }
  }
}

/** Whether the statement itself was refused, not the moment. */
function isRefused(error: unknown): boolean {
  return error instanceof Fault && error.code === "storage/query-failed";
}

const nothing: NodeWrites = { status: [], hellos: [], receipts: [], events: [] };

/** Smaller writes that together are the whole; undefined when it is a single row. */
function partsOf(writes: NodeWrites): readonly NodeWrites[] | undefined {
  const { status, hellos, receipts, events } = writes;
  const kinds = [
    { ...nothing, status },
    { ...nothing, hellos },
    { ...nothing, receipts },
    { ...nothing, events },
  ].filter((kind) => rowsIn(kind) > 0);
  if (kinds.length > 1) return kinds;
  if (rowsIn(writes) < 2) return undefined;
  const middle = Math.floor(rowsIn(writes) / 2);
  return [rowsOf(writes, 0, middle), rowsOf(writes, middle, Infinity)];
}

function rowsIn({ status, hellos, receipts, events }: NodeWrites): number {
  return status.length + hellos.length + receipts.length + events.length;
}

function rowsOf(writes: NodeWrites, from: number, to: number): NodeWrites {
  return {
    status: writes.status.slice(from, to),
    hellos: writes.hellos.slice(from, to),
    receipts: writes.receipts.slice(from, to),
    events: writes.events.slice(from, to),
  };
}
