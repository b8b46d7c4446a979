import { peekBytesMax } from "#shared/base/limits.ts";

import { ByteReader } from "./byte-reader.ts";

/** The body of a ClientHello, out of the records that carry it. */
export type HelloMessage =
  | { readonly kind: "message"; readonly body: Uint8Array }
  | UnfinishedHello;

export type UnfinishedHello =
  /** It is worth another look with so many bytes, which are more than there are. */
  | { readonly kind: "incomplete"; readonly bytesMin: number }
  /** No hello that a TLS server would take, or one that is too large. `detail` is for logs. */
  | { readonly kind: "invalid"; readonly detail: string };

/** Content type `handshake`, and message type `client_hello` (RFC 8446, sections 5.1 and 4). */
const handshake = 22;
const clientHello = 1;
const recordHeaderBytes = 5;
const messageHeaderBytes = 4;
/** What one record may carry in clear. */
const recordBytesMax = 16_384;

/**
 * Puts a ClientHello together from the beginning of a stream, however many records it is spread over.
 * What follows it is not looked at. Asked again each time with `bytesMin` bytes, it looks at a hello
 * of n bytes O(log n) times: each look brings a sixth of what is missing, even where every record
 * carries a single byte.
 */
export function readHelloMessage(bytes: Uint8Array): HelloMessage {
  const parts: Uint8Array[] = [];
  let haveBytes = 0;
  let wantedBytes = messageHeaderBytes;
  for (let at = 0; ;) {
    const header = readRecordHeader(bytes, at);
    if (header.kind === "invalid") return header;
    if (header.kind === "cut") {
      return incomplete(at + recordHeaderBytes + wantedBytes - haveBytes);
    }
    const start = at + recordHeaderBytes;
    at = start + header.length;
    const content = bytes.subarray(start, at);
    parts.push(content);
    haveBytes += content.length;
    if (wantedBytes === messageHeaderBytes && haveBytes >= messageHeaderBytes) {
      const message = readMessageHeader(joined(parts, messageHeaderBytes));
      if (message.kind === "invalid") return message;
      wantedBytes += message.length;
    }
    if (haveBytes >= wantedBytes) {
      return { kind: "message", body: joined(parts, wantedBytes).subarray(messageHeaderBytes) };
    }
    if (at > bytes.length) {
      const missing = wantedBytes - haveBytes;
      const isInRecord = missing <= at - bytes.length;
      return incomplete(bytes.length + missing + (isInRecord ? 0 : recordHeaderBytes));
    }
  }
}

type RecordHeader =
  | { readonly kind: "record"; readonly length: number }
  | { readonly kind: "cut" }
  | Invalid;
type Invalid = Extract<UnfinishedHello, { kind: "invalid" }>;

/** Looked at byte by byte: what is no TLS is known by its first byte, and not waited for. */
function readRecordHeader(bytes: Uint8Array, at: number): RecordHeader {
  const [type = handshake, major = 3] = bytes.subarray(at, at + 2);
  if (type !== handshake || major !== 3) return notTls;
  const header = bytes.subarray(at, at + recordHeaderBytes);
  if (header.length < recordHeaderBytes) return { kind: "cut" };
  const length = new ByteReader(header.subarray(3)).uint16();
  if (length === 0) return invalid("a record is empty");
  if (length > recordBytesMax) return invalid("a record is larger than TLS allows");
  return { kind: "record", length };
}

function readMessageHeader(header: Uint8Array): { kind: "header"; length: number } | Invalid {
  const reader = new ByteReader(header);
  if (reader.uint8() !== clientHello) return invalid("the first message is no ClientHello");
  const length = reader.uint8() * 0x1_0000 + reader.uint16();
  const isTooLarge = recordHeaderBytes + messageHeaderBytes + length > peekBytesMax;
  return isTooLarge ? tooLarge : { kind: "header", length };
}

/** The first `length` bytes of the parts; of a part that has them all without a copy. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts;
  if (first !== undefined && first.length >= length) return first.subarray(0, length);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part.subarray(0, length - at), at);
    at = Math.min(length, at + part.length);
  }
  return whole;
}

function incomplete(bytesMin: number): UnfinishedHello {
  return bytesMin > peekBytesMax ? tooLarge : { kind: "incomplete", bytesMin };
}

function invalid(detail: string): Invalid {
  return { kind: "invalid", detail };
}

const notTls = invalid("the first bytes are no TLS handshake");
const tooLarge = invalid("the ClientHello is too large");
