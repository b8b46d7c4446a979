import type { Probe, ProbeResult } from "./probe.ts";

/**
 * Lets so many checks of one node run at the same time; the others wait in line. A balancer with a
 * thousand backends would otherwise take a thousand descriptors the moment it starts.
 */
export class CheckGate {
  readonly #max: number;
  readonly #line = new Set<() => void>();
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The same probe, which begins when there is room. Its timeout begins with it. */
  gated(probe: Probe): Probe {
    return async (target, signal) => {
      if (!(await this.#enter(signal))) return leftTheLine;
      try {
        return await probe(target, signal);
      } finally {
        this.#leave();
      }
    };
  }

  /** False when the signal aborted before there was room. */
  #enter(signal: AbortSignal): Promise<boolean> {
    if (this.#running < this.#max) {
      this.#running += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const enter = (): void => {
        signal.removeEventListener("abort", giveUp);
        this.#running += 1;
        resolve(true);
      };
      const giveUp = (): void => {
        this.#line.delete(enter);
        resolve(false);
      };
      this.#line.add(enter);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #leave(): void {
    this.#running -= 1;
    const [next] = this.#line;
    if (next === undefined) return;
    this.#line.delete(next);
    next();
  }
}

const leftTheLine: ProbeResult = { verdict: "none", tookMs: 0, detail: "aborted" };
