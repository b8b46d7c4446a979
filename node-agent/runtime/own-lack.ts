import { isIPv4 } from "node:net";

import { lookupsExhausted } from "./name-lookup.ts";

/** Codes that say something about this host and nothing about who was dialled. */
const ownLacks: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EAGAIN",
  // Of an address to send from: all its ports are in use.
  "EADDRINUSE",
  lookupsExhausted,
]);

/**
 * Whether a dial failed for want of something on this host: descriptors, memory, ports, lookups. A
 * dial that could not be made is no reason to think ill of a backend.
 *
 * `EADDRNOTAVAIL` means for IPv4 that all ports are in use; for IPv6 also that this host has no
 * IPv6 address, so that no client's connection would get through either.
 */
export function isOwnLack(code: string, host: string): boolean {
  return ownLacks.has(code) || (code === "EADDRNOTAVAIL" && isIPv4(host));
}
