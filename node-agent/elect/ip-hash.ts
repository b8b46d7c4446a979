import { clientHash, fnv, fnvStart, mixed } from "./fnv.ts";
import { nobody, type ElectionPool, type Strategy } from "./strategy.ts";

/**
 * By the client's address: its hash modulo the number of eligible backends, in the order of names.
 * The same address gets the same backend as long as those are the same; when one comes, goes or
 * fills up most clients move (`rendezvousHash` moves few). O(1), and O(n) where limits, tried
 * backends or a slow start have to be looked at.
 */
export const ipHash: Strategy = (pool) => {
  const { backends, eligible, slowStart, options } = pool;
  const ids = Uint32Array.from(backends, ({ name }) => fnv(fnvStart, encoder.encode(name)));
  return (client) => {
    const hash = clientHash(client, options.hashesPort);
    if (eligible.isEverybody && slowStart.isOver) return hash % backends.length;
    const isIn = (place: number): boolean =>
      eligible.has(place) && slowStart.admitsHash(place, mixed(hash, ids[place] ?? 0));
    const warm = nthOf(pool, hash, isIn);
    return warm === nobody ? nthOf(pool, hash, (place) => eligible.has(place)) : warm;
  };
};

const encoder = new TextEncoder();

/** The one at `hash` modulo their number, of those that are in. */
function nthOf({ backends }: ElectionPool, hash: number, isIn: (place: number) => boolean): number {
  const places: number[] = [];
  for (let place = 0; place < backends.length; place += 1) if (isIn(place)) places.push(place);
  return places[hash % places.length] ?? nobody;
}
