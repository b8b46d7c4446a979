import type { Clock } from "./clock.ts";

/** Something that was started. `stop` settles once it is really down; calling it twice is harmless. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void> | void;
}

/** How the stop of one part went; a part that hung or failed never keeps the others from stopping. */
export interface StopOutcome {
  readonly name: string;
  readonly outcome: "stopped" | "timed-out" | "failed";
  readonly tookMs: number;
  readonly error?: unknown;
}

/**
 * Owns what was started, in order, and stops it in reverse order, each part within its bound.
 *
 * A part is owned from the moment it is handed in, so a failed start leaves nothing behind:
 * call `stop` and everything that did start goes down.
 */
export class Lifetime {
  readonly #clock: Clock;
  readonly #stopMsMax: number;
  readonly #owned: Stoppable[] = [];
  #stopping: Promise<readonly StopOutcome[]> | undefined;

  constructor(clock: Clock, stopMsMax: number) {
    this.#clock = clock;
    this.#stopMsMax = stopMsMax;
  }

  own<T extends Stoppable>(part: T): T {
    this.#owned.push(part);
    return part;
  }

  /** Stops all parts, last first; every caller gets the same outcome. */
  stop(): Promise<readonly StopOutcome[]> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<readonly StopOutcome[]> {
    const outcomes: StopOutcome[] = [];
    for (const part of this.#owned.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- the order is the point
      outcomes.push(await this.#stopOne(part));
    }
    return outcomes;
  }

  async #stopOne(part: Stoppable): Promise<StopOutcome> {
    const startedMs = this.#clock.monotonicMs();
    const tookMs = (): number => Math.round(this.#clock.monotonicMs() - startedMs);
    const bound = Promise.withResolvers<"timed-out">();
    const timer = this.#clock.after(this.#stopMsMax, () => bound.resolve("timed-out"));
    try {
      const stopped = Promise.resolve(part.stop()).then(() => "stopped" as const);
      const outcome = await Promise.race([stopped, bound.promise]);
      return { name: part.name, outcome, tookMs: tookMs() };
    } catch (error) {
      return { name: part.name, outcome: "failed", tookMs: tookMs(), error };
    } finally {
      timer.stop();
    }
  }
}
