/**
 * A hash of an address that nobody can aim at without knowing the seed (FNV-1a over the bytes, then
 * the end of MurmurHash3 so that every bit counts); unsigned 32 bits.
 */
export function addressHash(address: Uint8Array, seed: number): number {
  let bits = seed ^ 0x811c9dc5;
  for (const byte of address) bits = Math.imul(bits ^ byte, 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16) ^ seed, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
