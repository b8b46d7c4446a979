import { addressBytes, addressText } from "#shared/base/ip-address.ts";

/** How a client is announced to a backend. */
export interface AnnounceTerms {
  /** 1 is a line of text, 2 a block of bytes. */
  readonly version: 1 | 2;
  /** Version 2 tells about the client's TLS as well. */
  readonly tellsTls: boolean;
}

/** The two ends of a client's connection, as the client sees them; empty of a Unix socket. */
export interface ConnectionEnds {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** What is known of a client's TLS; texts are empty where there is nothing to tell. */
export interface AnnouncedTls {
  /** The host name that it asked for. */
  readonly serverName: string;
  /** The application protocol that was agreed on. */
  readonly alpn: string;
  /** Undefined where TLS passes through: then nobody here has agreed on anything. */
  readonly session:
    | {
        /** `TLSv1.3` … */
        readonly version: string;
        readonly cipher: string;
        /** Whether it goes on with a session that began in an earlier connection. */
        readonly isResumed: boolean;
        /** What it has shown when its session began; undefined when that is none. */
        readonly client: { readonly commonName: string; readonly isVerified: boolean } | undefined;
      }
    | undefined;
}

/**
 * The header of the PROXY protocol that a backend gets before anything else (HAProxy's
 * proxy-protocol.txt). Ends that are not both of one family are announced as unknown, which is a
 * connection of the balancer's own in version 2.
 */
export function proxyHeader(
  { version, tellsTls }: AnnounceTerms,
  ends: ConnectionEnds,
  tls: AnnouncedTls | undefined,
): Uint8Array {
  if (version === 1) return encoder.encode(line(ends));
  return block(addressBlock(ends), tellsTls && tls !== undefined ? tlsParts(tls) : []);
}

const encoder = new TextEncoder();

function line(ends: ConnectionEnds): string {
  const family = familyOf(ends);
  if (family === undefined) return "PROXY UNKNOWN\r\n";
  const word = family === families.tcp4 ? "TCP4" : "TCP6";
  const [from, to] = [plainText(ends.address), plainText(ends.localAddress)];
  return `PROXY ${word} ${from} ${to} ${ends.port} ${ends.localPort}\r\n`;
}

/** Without a zone, and of an IPv4 address not as it is mapped into IPv6. */
function plainText(address: string): string {
  return addressText(addressBytes(address));
}

const signature = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
/**
 * Version 2 and the command: of an announced client, or of the sender itself. HAProxy resets a
 * connection that is announced as somebody else's and has no addresses.
 */
const commands = { local: 0x20, proxy: 0x21 } as const;
/** Address family and transport in one byte. */
const families = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21 } as const;

interface AddressBlock {
  readonly command: number;
  readonly family: number;
  readonly bytes: readonly Uint8Array[];
}

function addressBlock(ends: ConnectionEnds): AddressBlock {
  const family = familyOf(ends);
  if (family === undefined) {
    return { command: commands.local, family: families.unspecified, bytes: [] };
  }
  const ports = [uint16(ends.port), uint16(ends.localPort)];
  const bytes = [addressBytes(ends.address), addressBytes(ends.localAddress), ...ports];
  return { command: commands.proxy, family, bytes };
}

function familyOf({ address, localAddress }: ConnectionEnds): number | undefined {
  const lengths = [addressBytes(address).length, addressBytes(localAddress).length];
  if (lengths.every((length) => length === 4)) return families.tcp4;
  return lengths.every((length) => length === 16) ? families.tcp6 : undefined;
}

function block({ command, family, bytes }: AddressBlock, parts: readonly Uint8Array[]): Uint8Array {
  const rest = joined([...bytes, ...parts]);
  return joined([signature, Uint8Array.of(command, family), uint16(rest.length), rest]);
}

/** Types of what version 2 can carry besides addresses. */
const types = {
  alpn: 0x01,
  authority: 0x02,
  tls: 0x20,
  tlsVersion: 0x21,
  commonName: 0x22,
  cipher: 0x23,
} as const;
/** What the client used: TLS, and a certificate in this connection, or in its session at some time. */
const clientBits = { tls: 0x01, certificateNow: 0x02, certificateInSession: 0x04 } as const;

function tlsParts({ alpn, serverName, session }: AnnouncedTls): readonly Uint8Array[] {
  const names = [...text(types.alpn, alpn), ...text(types.authority, serverName)];
  if (session === undefined) return names;
  const { version, cipher, client } = session;
  const isVerified = client?.isVerified === true;
  const content = [
    Uint8Array.of(clientBitsOf(session), 0, 0, 0, isVerified ? 0 : 1),
    ...text(types.tlsVersion, version),
    ...text(types.commonName, client?.commonName ?? ""),
    ...text(types.cipher, cipher),
  ];
  return [...names, part(types.tls, joined(content))];
}

/** A session that is resumed spares the client from showing its certificate again. */
function clientBitsOf({ client, isResumed }: NonNullable<AnnouncedTls["session"]>): number {
  if (client === undefined) return clientBits.tls;
  const now = isResumed ? 0 : clientBits.certificateNow;
  return clientBits.tls | now | clientBits.certificateInSession;
}

/** None for an empty text, nor for one that no name is as long as. */
function text(type: number, value: string): readonly Uint8Array[] {
  const bytes = encoder.encode(value);
  return bytes.length === 0 || bytes.length > textBytesMax ? [] : [part(type, bytes)];
}

/** A host name and a protocol have 255 at most; a common name (RFC 5280) has 64 characters. */
const textBytesMax = 256;

function part(type: number, value: Uint8Array): Uint8Array {
  return joined([Uint8Array.of(type), uint16(value.length), value]);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
