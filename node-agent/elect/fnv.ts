import type { ElectingClient } from "./strategy.ts";

/** FNV-1a with 32 bits (draft-eastlake-fnv): the hash of nothing, to begin with. */
export const fnvStart = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** Hashes `to - from` more bytes into what was hashed before; unsigned. */
export function fnv(hash: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  let hashed = hash;
  for (let index = from; index < to; index += 1) {
    hashed = Math.imul(hashed ^ (bytes[index] ?? 0), fnvPrime);
  }
  return hashed >>> 0;
}

/** The client's address in network order, and its port behind it where that is asked for. */
export function clientHash({ address, port }: ElectingClient, hashesPort: boolean): number {
  const hash = fnv(fnvStart, address);
  if (!hashesPort) return hash;
  const high = Math.imul(hash ^ (port >>> 8), fnvPrime);
  return Math.imul(high ^ (port & 0xff), fnvPrime) >>> 0;
}

/**
 * Spreads all bits over all others (the end of MurmurHash3); unsigned, and different for different
 * numbers. FNV-1a does not do that for its last bytes: see `rendezvousHash`.
 */
export function spread(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** One number of two, in which all bits of both are spread; unsigned. */
export function mixed(one: number, other: number): number {
  return spread(one ^ Math.imul(other, 0x9e3779b1));
}
