import { cumulative, total } from "./cumulative.ts";
import { clientHash, fnv, fnvStart, mixed, spread } from "./fnv.ts";
import { KeptWinners } from "./kept-winners.ts";
import { nobody, type ElectionPool, type Strategy } from "./strategy.ts";

/**
 * Rendezvous hashing (Thaler and Ravishankar): of all backends the one whose hash, over the client's
 * address and the backend's name, is highest. When a backend goes, or may not be taken, only its
 * clients move, each to its second choice; when it comes back only they return; one that is added
 * takes its share of all the others' clients, and nobody else's move.
 *
 * The hash is FNV-1a, spread: of names that differ in their last digit alone, as those of backends
 * on one host do, FNV-1a itself differs in so little that a few bits of the client decide who wins.
 *
 * With `maxLoadPercent` a backend that has that much of the average load is passed over (Mirrokni,
 * Thorup and Zadimoghaddam: consistent hashing with bounded loads), unless all have.
 *
 * O(n) hashes for a client that was not here lately; for others the answer is kept.
 */
export const rendezvousHash: Strategy = (pool) => {
  const { eligible, slowStart, options } = pool;
  const names = hashedNames(pool);
  const kept = new KeptWinners(pool.backends.length);
  return (client) => {
    const hash = clientHash(client, options.hashesPort);
    const place = kept.find(hash) ?? kept.keep(hash, names.highest(hash, everybody));
    if (eligible.isEverybody && slowStart.isOver && options.maxLoadPercent === 0) return place;
    const bound = loadBound(pool);
    const isWarm = (one: number): boolean => slowStart.admitsHash(one, names.mix(hash, one));
    const isBelow = (one: number): boolean => bound === unbounded || eligible.load(one) < bound;
    const isBest = (one: number): boolean => eligible.has(one) && isWarm(one) && isBelow(one);
    if (isBest(place)) return place;
    const best = names.highest(hash, isBest);
    return best === nobody ? names.highest(hash, (one) => eligible.has(one)) : best;
  };
};

type Test = (place: number) => boolean;
const everybody: Test = () => true;

interface HashedNames {
  /** The place of the highest hash of the client with this one, of those that pass. */
  highest(hash: number, passes: Test): number;
  /** A number for the client with this hash and the backend at that place, whatever the others are. */
  mix(hash: number, place: number): number;
}

/** The names as bytes, one behind the other. */
function hashedNames({ backends }: ElectionPool): HashedNames {
  const encoder = new TextEncoder();
  const texts = backends.map(({ name }) => encoder.encode(name));
  const ends = cumulative(texts.map(({ length }) => length));
  const bytes = new Uint8Array(total(ends));
  for (const [place, text] of texts.entries()) bytes.set(text, ends[place - 1] ?? 0);
  const ids = Uint32Array.from(texts.map((text) => fnv(fnvStart, text)));
  return {
    mix: (hash, place) => mixed(hash, ids[place] ?? 0),
    highest: (hash, passes) => {
      let best = nobody;
      let highest = -1;
      for (let place = 0; place < ends.length; place += 1) {
        const value = spread(fnv(hash, bytes, ends[place - 1] ?? 0, ends[place]));
        if (value <= highest || !passes(place)) continue;
        highest = value;
        best = place;
      }
      return best;
    },
  };
}

const unbounded = Number.POSITIVE_INFINITY;

/** The least load at which a backend has its share; infinite without a bound. */
function loadBound({ eligible, options }: ElectionPool): number {
  if (options.maxLoadPercent === 0) return unbounded;
  let load = 1;
  for (const one of eligible.loads()) load += one;
  return Math.ceil((load * options.maxLoadPercent) / (100 * eligible.count));
}
