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

function isIpv6Cidr(text: string): boolean {
  return text.includes(":") && ipaddr.IPv6.isValidCIDR(text);
}
