/** How many bits of an address tell clients apart. */
export interface ClientPrefixes {
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
}

/**
 * The network that counts as one client: the first bits of the address, in 16 bytes, of which an
 * IPv4 address takes the last four as mapped into IPv6. Undefined of a client without an address.
 */
export function clientNetwork(
  address: Uint8Array,
  { ipv4Prefix, ipv6Prefix }: ClientPrefixes,
): Uint8Array | undefined {
  if (address.length !== 4 && address.length !== 16) return undefined;
  const network = new Uint8Array(16);
  network.set(address, 16 - address.length);
  if (address.length === 4) network.fill(0xff, 10, 12);
  const bits = address.length === 4 ? 96 + ipv4Prefix : ipv6Prefix;
  const last = bits >>> 3;
  if (last === 16) return network;
  network.fill(0, last + 1);
  network[last] = (network[last] ?? 0) & (0xff00 >>> (bits & 7));
  return network;
}
