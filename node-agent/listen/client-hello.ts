import { ByteReader } from "./byte-reader.ts";
import { readHelloMessage, type UnfinishedHello } from "./hello-message.ts";

/** What a client says of itself before its TLS begins. */
export interface ClientHello {
  /** The host name it asks for (SNI, RFC 6066), as it wrote it; empty when it asks for none. */
  readonly name: string;
  /** The application protocols it offers (ALPN, RFC 7301), those it likes best first. */
  readonly protocols: readonly string[];
}

export type HelloReading =
  | { readonly kind: "hello"; readonly hello: ClientHello }
  | UnfinishedHello;

/**
 * Reads a ClientHello from the beginning of a stream. Whatever versions, suites and groups it offers,
 * nothing is answered, and nothing decrypted; of an encrypted one (ECH) the outer name is the name.
 * Never throws, whatever the bytes are.
 */
export function readClientHello(bytes: Uint8Array): HelloReading {
  const message = readHelloMessage(bytes);
  return message.kind === "message" ? readBody(message.body) : message;
}

/** Numbers of extensions (RFC 6066, RFC 7301), and the one type of name there is. */
const serverNameExtension = 0;
const protocolsExtension = 16;
const hostName = 0;
/** Version and random. */
const fixedBytes = 2 + 32;

function readBody(body: Uint8Array): HelloReading {
  const reader = new ByteReader(body);
  reader.take(fixedBytes);
  reader.vector(1); // session
  reader.vector(2); // suites
  reader.vector(1); // compression
  if (reader.isShort) return invalid("the ClientHello is cut");
  if (reader.left === 0) return { kind: "hello", hello: { name: "", protocols: [] } };
  const extensions = readExtensions(reader.vector(2));
  if (extensions === undefined || reader.isShort || reader.left > 0) {
    return invalid("the extensions of the ClientHello are cut, or there twice");
  }
  const name = readServerName(extensions.get(serverNameExtension));
  if (name === undefined) return invalid("the ClientHello's host name is none");
  const protocols = readProtocols(extensions.get(protocolsExtension));
  if (protocols === undefined) return invalid("the ClientHello's protocols are cut or empty");
  return { kind: "hello", hello: { name, protocols } };
}

/** Undefined where one is cut or comes twice: two readers could then see two different hellos. */
function readExtensions(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const reader = new ByteReader(bytes);
  const found = new Map<number, Uint8Array>();
  while (reader.left > 0) {
    const type = reader.uint16();
    const content = reader.vector(2);
    if (reader.isShort || found.has(type)) return undefined;
    found.set(type, content);
  }
  return found;
}

/** Empty without the extension; undefined when it holds no name that could be a host's. */
function readServerName(extension: Uint8Array | undefined): string | undefined {
  if (extension === undefined) return "";
  const outer = new ByteReader(extension);
  const reader = new ByteReader(outer.vector(2));
  const type = reader.uint8();
  const name = reader.vector(2);
  // RFC 6066 allows one name of each type, and there is one type.
  const isWhole = !outer.isShort && outer.left === 0 && !reader.isShort && reader.left === 0;
  return isWhole && type === hostName ? hostNameOf(name) : undefined;
}

/** Letters, digits and what else is printed; no dot at the end (RFC 6066, section 3). */
function hostNameOf(bytes: Uint8Array): string | undefined {
  const isPrinted = bytes.every((byte) => byte > 0x20 && byte < 0x7f);
  const isName = isPrinted && bytes.length > 0 && bytes.length <= 255 && bytes.at(-1) !== 0x2e;
  return isName ? String.fromCharCode(...bytes) : undefined;
}

/** Undefined when the list or one of its names is cut or empty. */
function readProtocols(extension: Uint8Array | undefined): readonly string[] | undefined {
  if (extension === undefined) return [];
  const outer = new ByteReader(extension);
  const reader = new ByteReader(outer.vector(2));
  if (outer.isShort || outer.left > 0 || reader.left === 0) return undefined;
  const protocols: string[] = [];
  while (reader.left > 0) {
    const name = reader.vector(1);
    if (reader.isShort || name.length === 0) return undefined;
    protocols.push(String.fromCharCode(...name));
  }
  return protocols;
}

function invalid(detail: string): HelloReading {
  return { kind: "invalid", detail };
}
