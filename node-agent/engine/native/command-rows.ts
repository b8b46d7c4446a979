import type { ConnectionId } from "../engine.ts";
import type { sessionCommands } from "./datagram-rows.ts";

/** Rows that cross at once; `src/events.h` has the same layout. */
const commandRows = 1_024;
const commandFields = 4;

/** What the addon can be told of a connection. */
export const commandKinds = { connect: 1, close: 2, peek: 3, discard: 4, secure: 5 } as const;

export interface CommandRow {
  readonly kind:
    | (typeof commandKinds)[keyof typeof commandKinds]
    | (typeof sessionCommands)[keyof typeof sessionCommands];
  /** Or a session's id, by the kind. */
  readonly connection: ConnectionId;
  readonly first: number;
  readonly second: number;
}

/**
 * The memory that the addon reads its commands from. Those of a batch of events go back as its
 * answer; others wait for the end of the turn, or for the memory to fill up.
 */
export class CommandRows {
  readonly memory = new Float64Array(commandRows * commandFields);
  readonly #run: (count: number) => void;
  #waiting = 0;
  #inBatch = false;
  #isScheduled = false;

  /** `run` makes the addon carry out the first `count` rows. */
  constructor(run: (count: number) => void) {
    this.#run = run;
  }

  add({ kind, connection, first, second }: CommandRow): void {
    if (this.#waiting === commandRows) this.flush();
    const at = this.#waiting * commandFields;
    this.memory[at] = kind;
    this.memory[at + 1] = connection;
    this.memory[at + 2] = first;
    this.memory[at + 3] = second;
    this.#waiting += 1;
    if (!this.#inBatch) this.#flushSoon();
  }

  /** Carries out what waits. */
  flush(): void {
    const count = this.#take();
    if (count > 0) this.#run(count);
  }

  /** How many rows were added while `handle` ran, for the addon to carry out. */
  during(handle: () => void): number {
    this.#inBatch = true;
    try {
      handle();
    } catch (error) {
      // Nobody gets an answer to this batch: what was decided before is carried out by itself.
      this.#flushSoon();
      throw error;
    } finally {
      this.#inBatch = false;
    }
    return this.#take();
  }

  #take(): number {
    const count = this.#waiting;
    this.#waiting = 0;
    return count;
  }

  #flushSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }
}
