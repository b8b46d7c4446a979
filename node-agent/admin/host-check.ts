import { isIP } from "node:net";

/**
 * Whether a request's `Host` names this port as somebody on the spot would: by an address, as
 * localhost, or by the host's own name. A page on the internet that had its own name point here
 * (DNS rebinding) sends that name, and is turned away.
 */
export function isOwnHost(header: string | undefined, ownNames: readonly string[]): boolean {
  if (header === undefined || header.length > 300) return false;
  const host = hostOf(header.toLowerCase());
  if (isIP(host) !== 0 || host === "localhost") return true;
  return ownNames.some((name) => name.toLowerCase() === host);
}

/** Without the port; IPv6 without its brackets. */
function hostOf(header: string): string {
  const ipv6 = /^\[(?<address>[^\]]*)\](:\d+)?$/.exec(header)?.groups?.["address"];
  return ipv6 ?? header.replace(/:\d+$/, "");
}
