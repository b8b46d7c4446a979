import { smoothRoundRobin } from "./smooth-round-robin.ts";
import { nobody, type ElectionPool, type Strategy } from "./strategy.ts";

/** Lost races for the cursor; with a handful of workers more than one in a row is rare. */
const racesMax = 64;

/**
 * One after the other in the order of names, over all workers. The cursor is a place in the whole
 * pool, so that a backend that is full or has been tried is passed over and the turn goes to the
 * next one; past the end it begins again. O(log n) to find the turn, then one step for each backend
 * that is passed over. With weights see `smoothRoundRobin`.
 */
export const roundRobin: Strategy = (pool) => {
  if (pool.options.isWeighted) return smoothRoundRobin(pool);
  const { cursor } = pool.sources;
  const turns = Int32Array.from(pool.backends.map(({ place }) => place));
  return () => {
    for (let race = 0; race < racesMax; race += 1) {
      const from = cursor.read();
      const place = nextFrom(pool, turnAt(turns, from));
      if (place === nobody || cursor.move(from, (turns[place] ?? 0) + 1)) return place;
    }
    return nextFrom(pool, turnAt(turns, cursor.read()));
  };
};

/** Whose turn is at or after the cursor; the first one's behind the last. */
function turnAt(turns: Int32Array, cursor: number): number {
  let low = 0;
  let high = turns.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((turns[middle] ?? 0) >= cursor) high = middle;
    else low = middle + 1;
  }
  return low === turns.length ? 0 : low;
}

/** Who is next and may be taken; somebody who is not warm yet only when nobody else is there. */
function nextFrom(pool: ElectionPool, from: number): number {
  const { eligible, slowStart, backends } = pool;
  const isWarm = slowStart.isOver;
  let cold = nobody;
  for (let step = 0; step < backends.length; step += 1) {
    const place = (from + step) % backends.length;
    if (!eligible.has(place)) continue;
    if (isWarm || slowStart.admits(place)) return place;
    if (cold === nobody) cold = place;
  }
  return cold;
}
