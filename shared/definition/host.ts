import ipaddr from "ipaddr.js";

import { hostCharsMax } from "../base/limits.ts";
import { refused, understood, type Reading } from "./reading.ts";
import { socketPathOf } from "./socket-path.ts";

export interface HostPort {
  /** In its one spelling (`normalHost`); IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
}

const nameShape =
  /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
/** What can only be an address, so that `10.0.0.256` does not pass as a name. */
const numberShape = /^[\d.]+$/;

/** An IPv4 or IPv6 address (without brackets, a zone allowed), or a host name. */
export function readHost(text: string): Reading<string> {
  if (isAddress(text)) return understood(text);
  if (text.startsWith("[")) return refused("invalid-address", "write IPv6 without brackets here");
  return readHostName(text);
}

export function readAddress(text: string): Reading<string> {
  return isAddress(text)
    ? understood(text)
    : refused("invalid-address", "is not an IP address; IPv6 stands without brackets");
}

export function readHostName(text: string): Reading<string> {
  if (text.length > hostCharsMax) {
    return refused("invalid-address", `a host has at most ${hostCharsMax} characters`);
  }
  return nameShape.test(text) && !numberShape.test(text)
    ? understood(text)
    : refused("invalid-address", "is neither an address nor a host name");
}

/** `host:port`, IPv6 in brackets. */
export function readHostPort(text: string): Reading<HostPort> {
  const split = splitPort(text);
  if (split === undefined) return refused("invalid-address", "write host:port");
  const host = readHost(unbracketed(split.host));
  if (!host.ok) return host;
  if (isIpv6(split.host)) return refused("invalid-address", bracketsHelp);
  const port = readPort(split.port);
  return port.ok ? understood({ host: normalHost(host.value), port: port.value }) : port;
}

export const bracketsHelp = "write IPv6 in brackets: [::1]:80";

/** A port that something can listen on or connect to. */
export function readPort(text: string): Reading<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port >= 1 && port <= 65_535
    ? understood(port)
    : refused("invalid-address", `"${text.slice(0, 20)}" is not a port from 1 to 65535`);
}

/** What stands before and after the last colon outside brackets. */
export function splitPort(text: string): { host: string; port: string } | undefined {
  const colon = text.lastIndexOf(":");
  if (colon === -1 || text.indexOf("]", colon) !== -1) return undefined;
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** `::1` of `[::1]`; other texts as they are. */
export function unbracketed(text: string): string {
  return text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
}

export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || isIpv6(text);
}

export function isIpv6(text: string): boolean {
  return text.includes(":") && ipaddr.IPv6.isValid(text);
}

/**
 * One text for an address, however it was written: IPv6 in its short form (RFC 5952), an IPv4
 * address mapped into IPv6 as the IPv4 it is. Anything else stays as it is.
 */
export function canonicalAddress(text: string): string {
  return isAddress(text) ? ipaddr.process(text).toString() : text;
}

/**
 * The one spelling of a backend's host, by which it is compared and shown: names in lower case (RFC
 * 4343) and without the dot of the root, addresses as `canonicalAddress` has them. A Unix socket's
 * path stays as it is.
 */
export function normalHost(text: string): string {
  if (socketPathOf(text) !== undefined) return text;
  if (text.includes(":")) return canonicalAddress(text);
  return (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
}
