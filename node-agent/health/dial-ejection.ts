import type { Clock, Timer } from "#shared/base/clock.ts";
import { durationMs } from "#shared/base/duration.ts";
import type { Ejection } from "#shared/definition/ejection.ts";

export interface DialEjectionDeps {
  readonly clock: Clock;
  readonly onEject: (ejected: EjectedBackend) => void;
  readonly onReadmit: (backend: string) => void;
}

export interface EjectedBackend {
  readonly backend: string;
  /** Dials that had failed in a row. */
  readonly failures: number;
  readonly forMs: number;
}

interface Record {
  /** Ejections without a good while between them. */
  times: number;
  /** While it is ejected. */
  timer: Timer | undefined;
  lastMs: number;
  readmittedAtMs: number;
}

/**
 * Leaves backends out after dials to them failed in a row: the clients themselves notice first that
 * a backend is gone. Each time takes twice as long as the one before, unless the backend was back
 * for longer than it had been out.
 */
export class DialEjection {
  readonly #deps: DialEjectionDeps;
  readonly #records = new Map<string, Record>();
  #terms: Ejection | undefined;

  constructor(deps: DialEjectionDeps, terms: Ejection | undefined) {
    this.#deps = deps;
    this.#terms = terms;
  }

  /** Takes over other terms; without any, everybody is taken in again. */
  configure(terms: Ejection | undefined): void {
    this.#terms = terms;
    if (terms !== undefined) return;
    for (const [backend, { timer }] of this.#records) {
      if (timer !== undefined) this.#readmit(backend);
    }
    this.#records.clear();
  }

  /** So many dials to a backend have failed in a row by now. */
  onFailures(backend: string, inARow: number): void {
    if (this.#terms === undefined || inARow < this.#terms.failures) return;
    const record = this.#records.get(backend) ?? neverEjected();
    if (record.timer !== undefined) return;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - record.readmittedAtMs >= record.lastMs) record.times = 0;
    const forMs = timeOf(this.#terms, record.times);
    record.times += 1;
    record.lastMs = forMs;
    record.timer = this.#deps.clock.after(forMs, () => this.#readmit(backend));
    this.#records.set(backend, record);
    this.#deps.onEject({ backend, failures: inARow, forMs });
  }

  /** Forgets everybody but these. */
  keep(backends: ReadonlySet<string>): void {
    for (const [backend, { timer }] of this.#records) {
      if (backends.has(backend)) continue;
      timer?.stop();
      this.#records.delete(backend);
    }
  }

  stop(): void {
    this.keep(new Set());
  }

  #readmit(backend: string): void {
    const record = this.#records.get(backend);
    if (record === undefined) return;
    record.timer?.stop();
    record.timer = undefined;
    record.readmittedAtMs = this.#deps.clock.monotonicMs();
    this.#deps.onReadmit(backend);
  }
}

function neverEjected(): Record {
  return { times: 0, timer: undefined, lastMs: 0, readmittedAtMs: Number.NEGATIVE_INFINITY };
}

function timeOf({ time, maxTime }: Ejection, timesBefore: number): number {
  return Math.min(durationMs(maxTime), durationMs(time) * 2 ** Math.min(timesBefore, 30));
}
