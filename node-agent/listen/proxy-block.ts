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
  // The protocol has the whole block of the proxy's own connection discarded.
  if (command === commands.local) return unannounced;
  if (command !== commands.proxy) return invalid("a PROXY header has an unknown command");
  switch (family) {
    case families.unspecified:
      return ofNoFamily(header) ?? unannounced;
    case families.unixStream:
    case families.unixDatagram:
      return ofUnixSocket(header) ?? unannounced;
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

/** What stands there may be addresses that nobody knows: it is looked at when it can be TLVs. */
function ofNoFamily(header: Uint8Array): ProxyHeader | undefined {
  const extra = readExtra(header, fixedBytes);
  return extra === "checksum" ? wrongChecksum : undefined;
}

/** Two paths of 108 bytes. */
const unixAddressesBytes = 216;

function ofUnixSocket(header: Uint8Array): ProxyHeader | undefined {
  const from = fixedBytes + unixAddressesBytes;
  return header.length < from ? noRoom : extraProblem(header, from);
}

function readPeer(header: Uint8Array, addressBytes: 4 | 16): ProxyHeader {
  const reader = new ByteReader(header.subarray(fixedBytes));
  const address = reader.take(addressBytes);
  const localAddress = reader.take(addressBytes);
  const port = reader.uint16();
  const localPort = reader.uint16();
  if (reader.isShort) return noRoom;
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

/** What else is told (TLVs) has to be whole, and a checksum has to be right. */
function extraProblem(header: Uint8Array, from: number): ProxyHeader | undefined {
  switch (readExtra(header, from)) {
    case "cut":
      return invalid("a PROXY header is cut inside");
    case "checksum":
      return wrongChecksum;
    case "right":
      return undefined;
  }
}

/** Walks over the TLVs to the end, and says what is wrong with them. */
function readExtra(header: Uint8Array, from: number): "right" | "cut" | "checksum" {
  const reader = new ByteReader(header.subarray(from));
  let isRight = true;
  while (reader.left > 0) {
    const type = reader.uint8();
    const value = reader.vector(2);
    if (reader.isShort) return "cut";
    if (type === checksumType) isRight &&= isChecksum(header, value, header.length - reader.left);
  }
  return isRight ? "right" : "checksum";
}

/** CRC-32C of the whole header, with zeros where the checksum stands: the four bytes before `end`. */
function isChecksum(header: Uint8Array, value: Uint8Array, end: number): boolean {
  if (value.length !== 4) return false;
  // Not `slice`: that of a Buffer is no copy.
  const cleared = new Uint8Array(header);
  cleared.fill(0, end - 4, end);
  return crc32c(cleared) === new ByteReader(value).uint32();
}

const noRoom = invalid("a PROXY header has no room for its addresses");
const wrongChecksum = invalid("a PROXY header's checksum is wrong");

function invalid(detail: string): ProxyHeader {
  return { kind: "invalid", detail };
}
