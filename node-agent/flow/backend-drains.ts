import type { Clock, Timer } from "#shared/base/clock.ts";

export interface BackendDrainsDeps {
  readonly clock: Clock;
  /** A backend's time is up. */
  readonly onDue: (backend: string) => void;
}

/** A backend that is draining. */
interface Drain {
  readonly sinceMs: number;
  readonly drainMs: number;
  readonly timer: Timer;
}

/**
 * The deadlines of backends that drain. One begins when the node hears of it first, and goes on
 * whatever else of the balancer changes; another length counts from the same beginning.
 */
export class BackendDrains {
  readonly #deps: BackendDrainsDeps;
  readonly #drains = new Map<string, Drain>();

  constructor(deps: BackendDrainsDeps) {
    this.#deps = deps;
  }

  /** These drain from now on, each for so many milliseconds, and no others. */
  follow(wanted: ReadonlyMap<string, number>): void {
    for (const [backend, { timer }] of this.#drains) {
      if (wanted.has(backend)) continue;
      timer.stop();
      this.#drains.delete(backend);
    }
    for (const [backend, drainMs] of wanted) {
      const known = this.#drains.get(backend);
      if (known?.drainMs !== drainMs) this.#begin(backend, drainMs, known);
    }
  }

  /** Forgets all of them. */
  stop(): void {
    this.follow(new Map());
  }

  #begin(backend: string, drainMs: number, known: Drain | undefined): void {
    known?.timer.stop();
    const { clock, onDue } = this.#deps;
    const nowMs = clock.monotonicMs();
    const sinceMs = known?.sinceMs ?? nowMs;
    const timer = clock.after(Math.max(0, sinceMs + drainMs - nowMs), () => onDue(backend));
    this.#drains.set(backend, { sinceMs, drainMs, timer });
  }
}
