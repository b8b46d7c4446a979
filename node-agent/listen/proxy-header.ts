import type { ProxyHeader } from "./announced-peer.ts";
import { readProxyBlock } from "./proxy-block.ts";
import { readProxyLine } from "./proxy-line.ts";

/**
 * Reads a header of the PROXY protocol (HAProxy's proxy-protocol.txt), version 1 or 2, from the
 * beginning of a stream. Never throws, whatever the bytes are.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  return bytes[0] === firstOfBlock ? readProxyBlock(bytes) : readProxyLine(bytes);
}

/** A version 2 header begins with CR, a line with P. */
const firstOfBlock = 0x0d;
