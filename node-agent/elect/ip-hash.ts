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
  const ids = Uint32Array.from(backends.map(({ name }) => fnv(fnvStart, encoder.encode(name))));
  const places = new Int32Array(backends.length);
  return (client) => {
    const hash = clientHash(client, options.hashesPort);
    if (eligible.isEverybody && slowStart.isOver) return hash % backends.length;
    const open = places.subarray(0, openPlaces(pool, places));
    const warm = slowStart.isOver
      ? open
      : open.filter((place) => slowStart.admitsHash(place, mixed(hash, ids[place] ?? 0)));
    const chosen = warm.length > 0 ? warm : open;
    return chosen[hash % chosen.length] ?? nobody;
  };
};

const encoder = new TextEncoder();

/** Fills in those that may be taken, in order, and returns how many they are. */
function openPlaces({ eligible }: ElectionPool, into: Int32Array): number {
  const loads = eligible.loads();
  let count = 0;
  for (let place = 0; place < loads.length; place += 1) {
    if (!eligible.hasWith(place, loads[place] ?? 0)) continue;
    into[count] = place;
    count += 1;
  }
  return count;
}
