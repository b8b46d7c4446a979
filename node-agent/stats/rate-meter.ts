import type { CounterTotals } from "#shared/measures/report.ts";

/** Bytes per second, whole numbers. */
export interface Rates {
  readonly rxPerSecond: number;
  readonly txPerSecond: number;
}

const noRates: Rates = { rxPerSecond: 0, txPerSecond: 0 };

interface Reading {
  readonly atMs: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rates: Rates;
}

/** Turns the totals of named rows into rates: what came since the last look, by the time it took. */
export class RateMeter {
  #readings: ReadonlyMap<string, Reading> = new Map();

  /** One look at all rows there are; rows that are gone are forgotten. */
  look(rows: ReadonlyMap<string, CounterTotals>, nowMs: number): void {
    this.#readings = new Map(
      Array.from(rows, ([name, totals]) => [
        name,
        reading(this.#readings.get(name), totals, nowMs),
      ]),
    );
  }

  ratesOf(name: string): Rates {
    return this.#readings.get(name)?.rates ?? noRates;
  }
}

function reading(last: Reading | undefined, totals: CounterTotals, atMs: number): Reading {
  const { rxBytes, txBytes } = totals;
  const seconds = last === undefined ? 0 : (atMs - last.atMs) / 1_000;
  if (last === undefined || seconds <= 0) return { atMs, rxBytes, txBytes, rates: noRates };
  // A row that was made anew under its name starts from zero.
  const perSecond = (now: number, before: number): number =>
    Math.round(Math.max(0, now - before) / seconds);
  const rates = {
    rxPerSecond: perSecond(rxBytes, last.rxBytes),
    txPerSecond: perSecond(txBytes, last.txBytes),
  };
  return { atMs, rxBytes, txBytes, rates };
}
