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
  const scores = new Float64Array(pool.backends.length);
  const pulls = Float64Array.from(
    pool.backends.map(({ weight }) => (pool.options.isWeighted ? Math.max(0, weight) : 1)),
  );
  return () => {
    const loads = pool.eligible.loads();
    scores.set(loads);
    if (pool.options.isWeighted || !pool.slowStart.isOver) scoreByPull(pool, pulls, scores);
    if (!pool.eligible.isEverybody) strikeOut(pool, loads, scores);
    return oneOfTheLeast(scores, pool.sources.random);
  };
};

/** Makes of what each carries what it would carry for its weight with one more. */
function scoreByPull({ slowStart }: ElectionPool, pulls: Float64Array, scores: Float64Array): void {
  const isWarm = slowStart.isOver;
  for (let place = 0; place < scores.length; place += 1) {
    const pull = (pulls[place] ?? 0) * (isWarm ? 1 : slowStart.share(place));
    scores[place] = ((scores[place] ?? 0) + 1) / pull;
  }
}

function strikeOut({ eligible }: ElectionPool, loads: Int32Array, scores: Float64Array): void {
  for (let place = 0; place < scores.length; place += 1) {
    if (!eligible.hasWith(place, loads[place] ?? 0)) scores[place] = out;
  }
}

function oneOfTheLeast(scores: Float64Array, random: () => number): number {
  let least = Number.POSITIVE_INFINITY;
  let ties = 0;
  for (let place = 0; place < scores.length; place += 1) {
    const one = scores[place] ?? out;
    if (one < least) {
      least = one;
      ties = 1;
    } else if (one === least) ties += 1;
  }
  if (ties === 0) return nobody;
  let place = scores.indexOf(least);
  for (let passed = Math.floor(random() * ties); passed > 0; passed -= 1) {
    place = scores.indexOf(least, place + 1);
  }
  return place;
}
