import { cumulative, placeAt, total } from "./cumulative.ts";
import { nobody, type Choice, type ElectionPool, type Strategy } from "./strategy.ts";

/** Draws that may hit somebody who is full, tried or not warm yet; then all are looked at. */
const drawsMax = 8;

/**
 * Priorities and weights as in RFC 2782: only the lowest numbered priority that has somebody
 * eligible takes part, and within it each gets its share of the sum of weights. Where all weights
 * are 0 the choice is uniform; a 0 beside positive weights gets nothing. Negative numbers take no
 * part. With `backupBelow` priorities have had their say already, and all are one tier.
 */
export const weight: Strategy = (pool) => {
  const tiers = tiersOf(pool).map((places) => drawing(pool, places));
  return (client) => {
    for (const draw of tiers) {
      const drawn = draw(client);
      if (drawn !== nobody) return drawn;
    }
    return nobody;
  };
};

/** The places of each priority, the lowest number first. */
function tiersOf({ backends, options }: ElectionPool): readonly (readonly number[])[] {
  const tiers = new Map<number, number[]>();
  for (const [place, backend] of backends.entries()) {
    if (backend.priority < 0 || backend.weight < 0) continue;
    const priority = options.backupBelow > 0 ? 0 : backend.priority;
    const tier = tiers.get(priority);
    if (tier === undefined) tiers.set(priority, [place]);
    else tier.push(place);
  }
  return [...tiers].toSorted(([a], [b]) => a - b).map(([, places]) => places);
}

/**
 * Draws from all of a tier and draws again when the one drawn may not be taken: the same chances as
 * a draw from the others alone.
 */
function drawing(pool: ElectionPool, places: readonly number[]): Choice {
  const { eligible, slowStart, sources } = pool;
  const weights = places.map((place) => pool.backends[place]?.weight ?? 0);
  const sums = cumulative(weights.some((one) => one > 0) ? weights : weights.map(() => 1));
  const sum = total(sums);
  const among = weighing(pool, places, weights);
  return () => {
    const isOpen = eligible.isEverybody && slowStart.isOver;
    for (let draw = 0; draw < drawsMax; draw += 1) {
      const place = places[placeAt(sums, sources.random() * sum)] ?? nobody;
      if (isOpen || (eligible.has(place) && slowStart.admits(place))) return place;
    }
    return among();
  };
}

/** One draw from those alone who may be taken, after a look at each. */
function weighing(
  { eligible, slowStart, sources }: ElectionPool,
  places: readonly number[],
  weights: readonly number[],
): () => number {
  const sums = new Float64Array(places.length);
  const fill = (weightOf: (index: number, place: number) => number): number => {
    let sum = 0;
    for (const [index, place] of places.entries()) {
      if (eligible.has(place)) sum += weightOf(index, place);
      sums[index] = sum;
    }
    return sum;
  };
  return () => {
    const sum =
      fill((index, place) => (weights[index] ?? 0) * slowStart.share(place)) || fill(() => 1);
    return sum === 0 ? nobody : (places[placeAt(sums, sources.random() * sum)] ?? nobody);
  };
}
