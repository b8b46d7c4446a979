import { nobody, type ElectionPool, type Strategy } from "./strategy.ts";

/** May not be taken: equal to no score. */
const out = Number.NaN;

/**
 * The backend with the fewest connections, those being dialled included, over all workers; among
 * equals a random one. With weights, and while a backend starts slowly, it is the one that would
 * have the fewest for its weight with one more; weight 0 is for when nobody else is there.
 *
 * O(n), one read of shared memory each: any worker may change any number at any moment, and a
 * structure that spares the reads would have to be kept up by all of them at every connection.
 */
export const leastConnections: Strategy = (pool) => {
  const { eligible, sources } = pool;
  const scores = new Float64Array(eligible.count);
  const pulls = Float64Array.from(pool.backends, (backend) =>
    pool.options.isWeighted ? Math.max(0, backend.weight) : 1,
  );
  return () => {
    const least = score(pool, pulls, scores);
    const ties = countOf(scores, least);
    return ties === 0 ? nobody : nthOf(scores, least, Math.floor(sources.random() * ties));
  };
};

/** Fills in what each backend would carry with one more, and returns the least. */
function score(pool: ElectionPool, pulls: Float64Array, scores: Float64Array): number {
  const { eligible, slowStart, sources } = pool;
  const isOpen = eligible.isEverybody;
  const isWarm = slowStart.isOver;
  let least = Number.POSITIVE_INFINITY;
  for (let place = 0; place < scores.length; place += 1) {
    const pull = (pulls[place] ?? 0) * (isWarm ? 1 : slowStart.share(place));
    const load =
      isOpen || eligible.has(place) ? (sources.inUse(eligible.slot(place)) + 1) / pull : out;
    scores[place] = load;
    if (load < least) least = load;
  }
  return least;
}

function countOf(scores: Float64Array, wanted: number): number {
  let count = 0;
  for (const one of scores) if (one === wanted) count += 1;
  return count;
}

function nthOf(scores: Float64Array, wanted: number, nth: number): number {
  let place = scores.indexOf(wanted);
  for (let passed = 0; passed < nth; passed += 1) place = scores.indexOf(wanted, place + 1);
  return place;
}
