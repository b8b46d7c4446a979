import { addressText } from "#shared/base/ip-address.ts";
import { proxyHeaderBytesMax } from "#shared/base/limits.ts";

import type { ProxyHeader } from "./announced-peer.ts";
import { ByteReader } from "./byte-reader.ts";
import { crc32c } from "./crc32c.ts";

const signature = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
/** Signature, version and command, family, and the length of the rest. */
const fixedBytes = 16;
const checksumType = 0x03;

/** Reads a header of version 2: a block of bytes. */
export function readProxyBlock(bytes: Uint8Array): ProxyHeader {
  const begun = Math.min(bytes.length, signature.length);
  for (let at = 0; at < begun; at += 1) if (bytes[at] !== signature[at]) return { kind: "absent" };
  if (bytes.length < fixedBytes) return { kind: "incomplete", bytesMin: fixedBytes };
  const reader = new ByteReader(bytes.subarray(signature.length, fixedBytes));
  const versionAndCommand = reader.uint8();
  const family = reader.uint8();
  const length = fixedBytes + reader.uint16();
  if (versionAndCommand >> 4 !== 2) return invalid("a PROXY header is of an unknown version");
  if (length > proxyHeaderBytesMax) return invalid("a PROXY header is too large");
  if (bytes.length < length) return { kind: "incomplete", bytesMin: length };
  return readWhole(bytes.subarray(0, length), versionAndCommand & 0x0f, family);
}

function readWhole(header: Uint8Array, command: number, family: number): ProxyHeader {
  const unannounced: ProxyHeader = { kind: "header", length: header.length, peer: undefined };
  if (command === commands.local) return unannounced;
  if (command !== commands.proxy) return invalid("a PROXY header has an unknown command");
  switch (family) {
    case families.unspecified:
    case families.unixStream:
    case families.unixDatagram:
      return unannounced;
    case families.tcp4:
    case families.udp4:
      return readPeer(header, 4);
    case families.tcp6:
    case families.udp6:
      return readPeer(header, 16);
    default:
      return invalid("a PROXY header is of an unknown family");
  }
}

const commands = { local: 0, proxy: 1 } as const;
/** Address family and transport in one byte. */
const families = {
  unspecified: 0x00,
  tcp4: 0x11,
  udp4: 0x12,
  tcp6: 0x21,
  udp6: 0x22,
  unixStream: 0x31,
  unixDatagram: 0x32,
} as const;

function readPeer(header: Uint8Array, addressBytes: 4 | 16): ProxyHeader {
  const reader = new ByteReader(header.subarray(fixedBytes));
  const address = reader.take(addressBytes);
  const localAddress = reader.take(addressBytes);
  const port = reader.uint16();
  const localPort = reader.uint16();
  if (reader.isShort) return invalid("a PROXY header has no room for its addresses");
  const problem = extraProblem(header, header.length - reader.left);
  if (problem !== undefined) return problem;
  const peer = {
    address: addressText(address),
    port,
    localAddress: addressText(localAddress),
    localPort,
  };
  return { kind: "header", length: header.length, peer };
}

/** Walks over what else is told (TLVs): it has to be whole, and a checksum has to be right. */
function extraProblem(header: Uint8Array, from: number): ProxyHeader | undefined {
  const reader = new ByteReader(header.subarray(from));
  while (reader.left > 0) {
    const type = reader.uint8();
    const value = reader.vector(2);
    if (reader.isShort) return invalid("a PROXY header is cut inside");
    if (type !== checksumType) continue;
    const end = header.length - reader.left;
    if (!isChecksum(header, value, end)) return invalid("a PROXY header's checksum is wrong");
  }
  return undefined;
}

/** CRC-32C of the whole header, with zeros where the checksum stands: the four bytes before `end`. */
function isChecksum(header: Uint8Array, value: Uint8Array, end: number): boolean {
  if (value.length !== 4) return false;
  // Not `slice`: that of a Buffer is no copy.
  const cleared = new Uint8Array(header);
  cleared.fill(0, end - 4, end);
  return crc32c(cleared) === new ByteReader(value).uint32();
}

function invalid(detail: string): ProxyHeader {
  return { kind: "invalid", detail };
}
