import ipaddr from "ipaddr.js";

import { isAddress, isIpv6 } from "./host.ts";

/**
 * An address or a network as a network in CIDR notation: a single address gets its full prefix length.
 * Undefined when the text is neither.
 */
export function readNetwork(text: string): string | undefined {
  if (isAddress(text)) return `${text}/${isIpv6(text) ? 128 : 32}`;
  const isCidr = ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || isIpv6Cidr(text);
  return isCidr ? text : undefined;
}

/**
 * Why a text that `readNetwork` takes does not mean what it seems to: undefined when it does. Clients
 * are compared by address alone, and IPv4 clients as IPv4.
 */
export function whyMisread(text: string): string | undefined {
  if (text.includes("%")) {
    return "names a zone (%), and clients are compared by their address alone: leave the zone out";
  }
  const network = readNetwork(text);
  if (network === undefined) return undefined;
  const [address, prefix] = ipaddr.parseCIDR(network);
  if (!(address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress())) return undefined;
  return prefix < mappedPrefix ? whyNoIpv4(address.toIPv4Address().toString(), prefix) : undefined;
}

/** The bits before the IPv4 address in one that is mapped into IPv6. */
const mappedPrefix = 96;
/** The bits of an IPv4 address. */
const ipv4Prefix = 32;

function whyNoIpv4(ipv4: string, prefix: number): string {
  const meant =
    prefix <= ipv4Prefix
      ? `${ipv4}/${prefix} or ::ffff:${ipv4}/${mappedPrefix + prefix}`
      : `a prefix of ${mappedPrefix} or more`;
  return `matches no IPv4 client: /${prefix} counts the bits of IPv6; write ${meant}`;
}

function isIpv6Cidr(text: string): boolean {
  return text.includes(":") && ipaddr.IPv6.isValidCIDR(text);
}
