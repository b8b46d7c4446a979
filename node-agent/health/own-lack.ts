import { isIPv4 } from "node:net";

import { lookupsExhausted } from "../runtime/name-lookup.ts";

/** Codes that say something about this host and nothing about the backend. */
const ownLacks: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EAGAIN",
  lookupsExhausted,
]);

/**
 * Whether a check failed for want of something on this host: descriptors, memory, ports, lookups.
 * A check that could not be made is no reason to take a backend down.
 *
 * `EADDRNOTAVAIL` means for IPv4 that all ports are in use; for IPv6 also that this host has no
 * IPv6 address, so that no client's connection would get through either.
 */
export function isOwnLack(code: string, host: string): boolean {
  return ownLacks.has(code) || (code === "EADDRNOTAVAIL" && isIPv4(host));
}
