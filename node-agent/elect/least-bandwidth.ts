import { nobody, type ElectionPool, type Strategy } from "./strategy.ts";

/**
 * The backend that moved the fewest bytes a second, both ways, as measured last (every `ratesMs`);
 * among equals a random one. Sorted once a measurement: an election takes the first of the line.
 */
export const leastBandwidth: Strategy = (pool) => {
  const { sources } = pool;
  let measurement = sources.measurement();
  let line = inLine(pool);
  return () => {
    const latest = sources.measurement();
    if (latest !== measurement) line = inLine(pool);
    measurement = latest;
    return firstOf(pool, line);
  };
};

/** Backends by rate, and where each run of equals begins. */
interface Line {
  readonly places: Int32Array;
  /** Ends with the length of the line. */
  readonly runs: readonly number[];
}

function inLine({ backends, sources }: ElectionPool): Line {
  const rates = Float64Array.from(backends.map(({ slot }) => sources.rate(slot.index)));
  const rateOf = (place: number): number => rates[place] ?? 0;
  const places = Int32Array.from(backends.keys()).toSorted((a, b) => rateOf(a) - rateOf(b));
  const runs = [...places.keys()].filter(
    (index) => index === 0 || rateOf(places[index] ?? 0) !== rateOf(places[index - 1] ?? 0),
  );
  return { places, runs: [...runs, places.length] };
}

/** The first that may be taken; somebody who is not warm yet only when nobody else is there. */
function firstOf({ eligible, slowStart, sources }: ElectionPool, line: Line): number {
  let cold = nobody;
  for (const [run, begin] of line.runs.entries()) {
    const length = (line.runs[run + 1] ?? begin) - begin;
    const offset = Math.floor(sources.random() * length);
    for (let step = 0; step < length; step += 1) {
      const place = line.places[begin + ((offset + step) % length)] ?? 0;
      if (!eligible.has(place)) continue;
      if (slowStart.isOver || slowStart.admits(place)) return place;
      if (cold === nobody) cold = place;
    }
  }
  return cold;
}
