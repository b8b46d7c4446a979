import { addressBytes, addressText } from "#shared/base/ip-address.ts";

import type { AnnouncedPeer, ProxyHeader } from "./announced-peer.ts";

const beginning = "PROXY ";
/** The longest line there is, CR and LF included; that of two IPv6 addresses takes 104. */
const lineBytesMax = 107;
/** The shortest one: `PROXY UNKNOWN`, CR and LF. */
const lineBytesMin = 15;

/** Reads a header of version 1: one line of text. */
export function readProxyLine(bytes: Uint8Array): ProxyHeader {
  const text = latin1(bytes.subarray(0, lineBytesMax));
  if (!text.startsWith(beginning.slice(0, text.length))) return { kind: "absent" };
  const end = text.indexOf("\r\n");
  if (end >= 0) return readLine(text.slice(beginning.length, end), end + 2);
  if (bytes.length >= lineBytesMax) return invalid("a PROXY line does not end");
  return { kind: "incomplete", bytesMin: Math.max(lineBytesMin, bytes.length + 1) };
}

function readLine(line: string, length: number): ProxyHeader {
  // What follows the word is for nobody.
  if (line === "UNKNOWN" || line.startsWith("UNKNOWN ")) {
    return { kind: "header", length, peer: undefined };
  }
  const [family, ...parts] = line.split(" ");
  const isKnown = family === "TCP4" || family === "TCP6";
  if (!isKnown) return invalid("a PROXY line is of an unknown family");
  if (parts.length !== 4) return invalid("a PROXY line has not two addresses and two ports");
  const peer = readPeer(parts, family);
  return peer === undefined
    ? invalid("a PROXY line has a wrong address or port")
    : { kind: "header", length, peer };
}

function readPeer(parts: readonly string[], family: "TCP4" | "TCP6"): AnnouncedPeer | undefined {
  const [from = "", to = "", fromPort = "", toPort = ""] = parts;
  const address = readAddress(from, family);
  const localAddress = readAddress(to, family);
  if (address === undefined || localAddress === undefined) return undefined;
  const port = readPort(fromPort);
  const localPort = readPort(toPort);
  if (port === undefined || localPort === undefined) return undefined;
  return { address, port, localAddress, localPort };
}

/** A number of an IPv4 address with a zero before it: some readers take that for octal. */
const leadingZero = /(?:^|[:.])0\d+\.|\.0\d+$/;

/** The address in the one form that everything else is compared with. */
function readAddress(text: string, family: "TCP4" | "TCP6"): string | undefined {
  if (leadingZero.test(text)) return undefined;
  if (text.includes(":") !== (family === "TCP6") || text.includes("%")) return undefined;
  const bytes = addressBytes(text);
  return bytes.length === 0 ? undefined : addressText(bytes);
}

function readPort(text: string): number | undefined {
  const isNumber = /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
  return isNumber ? Number(text) : undefined;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function invalid(detail: string): ProxyHeader {
  return { kind: "invalid", detail };
}
