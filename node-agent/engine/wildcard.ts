import type { Address } from "./engine.ts";

/** What a system without IPv6 answers to a bind of `::`. */
const noIpv6Codes: readonly string[] = ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"];

/** The address to try next when the wildcard failed because the system has no IPv6. */
export function withoutIpv6(address: Address, code: string): Address | undefined {
  const isWildcard = address.kind === "tcp" && address.host === "::";
  return isWildcard && noIpv6Codes.includes(code) ? { ...address, host: "0.0.0.0" } : undefined;
}
